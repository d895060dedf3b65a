import SinterTensors

/// The layers of experts of a checkpoint, by name.
///
/// A library may hold experts in another form than the file, and under another name, so an adapter
/// that was trained on one form is applied to the other.
struct ExpertNames {
  /// The stacks, by all that stands before `experts`.
  private var stacks: [String: ExpertStack] = [:]
  /// The names of the stacks of a layer, by what stands before its number and the number.
  private var inLayers: [String: [String]] = [:]
  /// The names of the stacks of layers with the same number, whatever stands before it.
  private var withNumbers: [Int: [String]] = [:]

  init(_ checkpoint: Checkpoint) {
    for tensor in checkpoint.tensors {
      guard let name = Name(tensor.name) else { continue }
      stacks[name.stack, default: ExpertStack()].add(tensor, name.rest)
    }
    stacks = stacks.filter { !$0.value.isEmpty }
    for stack in stacks.keys.sorted() {
      guard let name = Name(stack + ".experts") else { continue }
      if let layer = name.layer { inLayers[layer, default: []].append(stack) }
      if let number = name.number { withNumbers[number, default: []].append(stack) }
    }
  }

  /// The name of a tensor or of a module of experts, taken apart.
  private struct Name {
    /// What stands before `experts`.
    let stack: String
    /// The layer with what stands before it.
    let layer: String?
    /// The number of the layer; `nil` in the part of a model that sees or hears, which is never
    /// taken for the one that reads.
    let number: Int?
    /// What stands behind `experts`.
    let rest: ArraySlice<Substring>

    init?(_ name: String) {
      let parts = name.split(separator: ".")
      guard let place = parts.lastIndex(of: "experts") else { return nil }
      rest = parts[(place + 1)...]
      stack = parts[..<place].joined(separator: ".")
      let address = TensorAddress(stack).layer
      layer = address.map { $0.stack + String($0.index) }
      let isText = !parts[..<place].contains { $0.contains("vis") || $0.contains("audio") }
      number = isText ? address?.index : nil
    }
  }

  /// The names of the stacks that names of modules mean as they are.
  func stacks(namedBy modules: some Sequence<String>) -> Set<String> {
    Set(modules.lazy.compactMap { Name($0)?.stack }.filter { stacks[$0] != nil })
  }

  /// What a module means whose own tensor the file does not have.
  enum Match {
    /// Pieces of tensors, which together take up the whole update.
    case pieces([ExpertStack.Piece])
    /// The experts of one of several layers, by name.
    case several([String])
  }

  /// Finds the experts that a module means.
  ///
  /// They are those of the name that it has; if there are none, those of the same layer; then those
  /// of any layer with its number. A stack that is not named must be the only one that fits.
  ///
  /// - Parameters:
  ///   - module: the module.
  ///   - names: its name, then those that it may have in the file.
  ///   - taken: the stacks that other modules name.
  ///   - squares: decides where both orientations fit.
  /// - Returns: what was found; `nil` when there are no experts or they do not fit.
  func match(
    _ module: AdapterModule, names: [String], taken: Set<String>, _ squares: SquareOrientation
  ) -> Match? {
    let names = names.compactMap { Name($0) }
    guard let own = names.first else { return nil }
    var candidates = stacks[own.stack] == nil ? [] : [own.stack]
    func look(_ found: [String]?) {
      if candidates.isEmpty { candidates = (found ?? []).filter { !taken.contains($0) } }
    }
    for name in names {
      look(stacks[name.stack].map { _ in [name.stack] })
      look(name.layer.flatMap { inLayers[$0] })
    }
    look(own.number.flatMap { withNumbers[$0] })
    let fitting = candidates.compactMap { name in
      stacks[name]?.pieces(for: module, own.rest, squares).map { (name, $0) }
    }
    guard let first = fitting.first else { return nil }
    return fitting.count == 1 ? .pieces(first.1) : .several(fitting.map(\.0))
  }
}
