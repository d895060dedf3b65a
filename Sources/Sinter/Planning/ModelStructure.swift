/// What the names, shapes and configuration of a checkpoint tell about how the model is built.
struct ModelStructure: Sendable {
  let checkpoint: Checkpoint
  /// The names of the tensors taken apart, in the order of the checkpoint's tensors.
  let addresses: [TensorAddress]
  /// The stacks of layers, by prefix.
  let stacks: [String: LayerStack]
  /// What stands behind the number in the names of each layer's tensors, in file order, by what
  /// stands before it and the number.
  private let suffixes: [String: [Int: [String]]]

  /// Reads the structure off a checkpoint.
  init(_ checkpoint: Checkpoint) {
    self.checkpoint = checkpoint
    addresses = checkpoint.tensors.map { TensorAddress($0.name) }
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

  /// What stands behind the number in the names of a layer's tensors, in file order.
  ///
  /// - Parameters:
  ///   - index: the number of the layer.
  ///   - stack: what stands before it.
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
  /// It is the one whose length the configuration states. Without such a statement it is the
  /// longest.
  ///
  /// - Parameter prefixes: the prefixes to choose from.
  /// - Returns: the stack, several when the configuration states the length of several, or none.
  func stacksToSlice(among prefixes: Set<String>) -> [LayerStack] {
    let candidates = prefixes.compactMap { stacks[$0] }.sorted { $0.prefix < $1.prefix }
    let stated = candidates.filter { $0.key != nil }
    if !stated.isEmpty { return stated }
    let longest = candidates.max { $0.storedCount < $1.storedCount }
    return longest.map { [$0] } ?? []
  }

  /// The statement of the configuration that speaks of a stack.
  private static func statement(
    for prefix: String, storedCount: Int, among statements: [ModelConfiguration.LayerCount]
  ) -> ModelConfiguration.LayerCount? {
    let components = prefix.split(separator: ".")
    guard let last = components.last, layerWords.contains(last) else { return nil }
    let isVision = parts(of: prefix).contains { visionWords.contains($0) }
    let eligible = statements.filter { statement in
      let path = statement.path.joined(separator: ".")
      let isOfVision = parts(of: path).contains { visionWords.contains($0) }
      guard isVision == isOfVision else { return false }
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

  private static func parts(of name: String) -> [Substring] {
    name.split { $0 == "." || $0 == "_" }
  }

  private static let layerWords: Set<Substring> = [
    "layers", "layer", "h", "block", "blocks", "resblocks", "encoder_layers",
  ]
  private static let visionWords: Set<Substring> = ["vision", "visual", "image", "audio"]
  private static let extraLayers = 4
}
