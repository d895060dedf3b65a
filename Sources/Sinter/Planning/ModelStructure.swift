/// What the names, shapes and configuration of a checkpoint tell about how the model is built.
struct ModelStructure: Sendable {
  let checkpoint: Checkpoint
  /// The names of the tensors taken apart, in the order of the checkpoint's tensors; in a model
  /// that is aligned with another, the names that the other uses.
  let addresses: [TensorAddress]
  /// How the model is aligned with the one that gives names, or `nil` where they agree.
  let alignment: PrefixAlignment?
  /// The names that the checkpoint itself uses, where they differ.
  private let ownNames: [String: String]
  /// The stacks of layers, by prefix.
  let stacks: [String: LayerStack]
  /// What stands behind the number in the names of each layer's tensors, in file order, by what
  /// stands before it and the number.
  private let suffixes: [String: [Int: [String]]]

  /// Reads the structure off a checkpoint.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint.
  ///   - donor: the checkpoint that gives names; one that holds the same model under other prefixes
  ///     is read as if it used them.
  init(_ checkpoint: Checkpoint, alignedWith donor: Checkpoint? = nil) {
    self.checkpoint = checkpoint
    let alignment = donor.flatMap { donor in
      PrefixAlignment(
        of: checkpoint.tensors.map { ($0.name, $0.shape) },
        to: donor.tensors.map { ($0.name, $0.shape) })
    }
    self.alignment = alignment
    ownNames = Dictionary((alignment?.renamed ?? [:]).map { ($1, $0) }) { first, _ in first }
    addresses = checkpoint.tensors.map { TensorAddress(alignment?.renamed[$0.name] ?? $0.name) }
    var suffixes: [String: [Int: [String]]] = [:]
    for layer in addresses.lazy.compactMap(\.layer) {
      suffixes[layer.stack, default: [:]][layer.index, default: []].append(layer.suffix)
    }
    self.suffixes = suffixes
    let counts = suffixes.mapValues { ($0.keys.max() ?? 0) + 1 }
    let statements = checkpoint.configuration?.layerCounts ?? []
    var stacks: [String: LayerStack] = [:]
    for (prefix, storedCount) in counts {
      let statement = Self.statement(for: prefix, storedCount: storedCount, among: statements)
      stacks[prefix] = LayerStack(
        prefix: prefix, count: statement?.count ?? storedCount, storedCount: storedCount,
        key: statement?.path)
    }
    self.stacks = stacks
  }

  /// The name that the checkpoint itself uses for a tensor.
  ///
  /// - Parameter name: the name as ``addresses`` has it.
  /// - Returns: the name in the checkpoint's files.
  func ownName(of name: String) -> String { ownNames[name] ?? name }

  /// What stands behind the number in the names of a layer's tensors, in file order.
  ///
  /// - Parameters:
  ///   - index: the number of the layer.
  ///   - stack: what stands before it.
  /// - Returns: the suffixes, each with its first dot; none when there is no such layer.
  func suffixes(ofLayer index: Int, in stack: String) -> [String] {
    suffixes[stack]?[index] ?? []
  }

  /// How far down its stack a tensor lies, for gradients; 0 for a tensor outside layers.
  func fraction(of address: TensorAddress) -> Double {
    guard let layer = address.layer, let stack = stacks[layer.stack] else {
      return LayerFraction.outsideLayers
    }
    return stack.fraction(ofLayer: layer.index)
  }

  /// The stack that slices cut, among those of some tensors.
  ///
  /// It is the one whose length the configuration states. Without such a statement it is the one
  /// that is called as stacks of layers are, with more than one layer if there is such a one.
  ///
  /// - Parameter prefixes: the prefixes to choose from.
  /// - Returns: the stack, several when nothing tells which of them is meant, or none.
  func stacksToSlice(among prefixes: Set<String>) -> [LayerStack] {
    let all = prefixes.compactMap { stacks[$0] }.sorted { $0.prefix < $1.prefix }
    let choices: [(LayerStack) -> Bool] = [
      { $0.key != nil },
      { Self.isStackOfLayers($0.prefix) && $0.storedCount > 1 },
      { Self.isStackOfLayers($0.prefix) },
      { _ in true },
    ]
    return choices.lazy.map { all.filter($0) }.first { !$0.isEmpty } ?? []
  }

  private static func isStackOfLayers(_ prefix: String) -> Bool {
    prefix.split(separator: ".").last.map(layerWords.contains) ?? false
  }

  /// The statement of the configuration that speaks of a stack.
  private static func statement(
    for prefix: String, storedCount: Int, among statements: [ModelConfiguration.LayerCount]
  ) -> ModelConfiguration.LayerCount? {
    guard isStackOfLayers(prefix) else { return nil }
    let sense = sense(of: prefix)
    let eligible = statements.filter { statement in
      let path = statement.path.joined(separator: ".")
      guard sense == Self.sense(of: path) else { return false }
      if path.contains("decoder"), !prefix.contains("decoder") { return false }
      if path.contains("encoder"), !prefix.contains("encoder") { return false }
      // A layer more than stated is one that predicts several tokens; many more are another stack.
      return statement.count >= 1
        && (storedCount - extraLayers...storedCount)
          .contains(statement.count)
    }
    let side = ["decoder", "encoder"].first { prefix.contains($0) }
    return eligible.max { rank($0, storedCount, side) < rank($1, storedCount, side) }
  }

  /// How well a statement fits a stack: the side's own key first, then the exact number.
  private static func rank(
    _ statement: ModelConfiguration.LayerCount, _ storedCount: Int, _ side: String?
  ) -> Int {
    let isOwn = side.map { statement.path.last?.contains($0) == true } ?? false
    return (isOwn ? 2 : 0) + (statement.count == storedCount ? 1 : 0)
  }

  /// What a part of a model perceives, `nil` for one that reads text.
  private enum Sense {
    case vision, audio
  }

  private static func sense(of name: String) -> Sense? {
    let parts = name.split { $0 == "." || $0 == "_" }
    if parts.contains(where: { visionWords.contains($0) }) { return .vision }
    return parts.contains("audio") ? .audio : nil
  }

  private static let layerWords: Set<Substring> = [
    "layers", "layer", "h", "block", "blocks", "resblocks", "encoder_layers",
  ]
  private static let visionWords: Set<Substring> = ["vision", "visual", "image"]
  private static let extraLayers = 4
}
