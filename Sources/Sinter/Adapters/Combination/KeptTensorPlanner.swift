import Safetensors
import SinterTensors

/// Finds the tensors that adapters store as they are, and which of them a combination can take over.
struct KeptTensorPlanner {
  private let adapters: [Adapter]
  private let names: [String]
  /// The weights that each adapter has in one module or another.
  private let weights: [Set<Double>]
  private let factored: Set<String>

  private(set) var kept: [KeptTensor] = []
  private(set) var faults: [Diagnostic] = []
  private(set) var remarks: [Diagnostic] = []

  private static let merging =
    "merge models instead: a recipe of 'BASE+ADAPTER' models can weigh it"

  /// Prepares the search.
  ///
  /// - Parameters:
  ///   - adapters: the adapters.
  ///   - names: what the recipe calls them.
  ///   - weights: the weights that each has in one module or another.
  ///   - modules: the modules with factors.
  init(
    adapters: [Adapter], names: [String], weights: [Set<Double>], modules: [CombinedModule]
  ) {
    self.adapters = adapters
    self.names = names
    self.weights = weights
    factored = Set(modules.map(\.name))
  }

  /// Makes the plan.
  mutating func plan() {
    var order: [String] = []
    var holders: [String: [Int]] = [:]
    for (place, adapter) in adapters.enumerated() {
      for replacement in adapter.replacements {
        if holders[replacement.target] == nil { order.append(replacement.target) }
        holders[replacement.target, default: []].append(place)
      }
    }
    for target in order { keep(target, of: holders[target] ?? []) }
    guard let first = kept.first else { return }
    remarks.append(
      Diagnostic(
        .note,
        "\(CountText.of(kept.count, "tensor")) that adapters store whole, such as "
          + "'\(first.target)', \(kept.count == 1 ? "is" : "are") taken over as stored"))
  }

  private mutating func fail(_ message: String, file: String?) {
    faults.append(Diagnostic(file: file, message, hint: Self.merging))
  }

  private mutating func keep(_ target: String, of holders: [Int]) {
    let found = holders.compactMap { place in
      adapters[place].replacements.first { $0.target == target }
        .map { (adapter: adapters[place], tensor: $0.tensor) }
    }
    guard let first = found.first else { return }
    let name = first.tensor.name
    let owner = ModuleGrouping.owner(of: target)
    let isBias = factored.contains(owner) && target.hasSuffix(".bias")
    if factored.contains(owner), !isBias {
      fail(
        "tensor '\(name)' takes the place of a weight to which another adapter adds factors",
        file: first.adapter.file.path)
      return
    }
    if target.hasSuffix(".bias"), !isBias, !storesWeight(owner, holders) {
      fail(
        "tensor '\(name)' is the bias of a module without factors, which is not combined",
        file: first.adapter.file.path)
      return
    }
    guard isUnweighted(name, holders), areAlike(found) else { return }
    kept.append(
      KeptTensor(
        target: target, storedName: isBias ? owner + ".base_layer.bias" : target,
        tensor: first.tensor, file: first.adapter.file.input, isBias: isBias))
  }

  private func storesWeight(_ module: String, _ holders: [Int]) -> Bool {
    holders.contains { place in
      adapters[place].replacements.contains { $0.target == module + ".weight" }
    }
  }

  // MARK: What is taken over

  /// Whether all adapters that store a tensor have the weight 1.
  private mutating func isUnweighted(_ name: String, _ holders: [Int]) -> Bool {
    for place in holders where weights[place] != [1] {
      fail(
        "tensor '\(name)' is stored whole and can only be taken over with the weight 1, not with "
          + "that of '\(names[place])'", file: adapters[place].file.path)
      return false
    }
    return true
  }

  /// Whether all store the same.
  private mutating func areAlike(_ found: [(adapter: Adapter, tensor: CheckpointTensor)]) -> Bool {
    for other in found.dropFirst() where !isSame(found[0], other) {
      fail(
        "tensor '\(other.tensor.name)' is stored whole and differs from that of "
          + "'\(found[0].adapter.path)'; without the base there is no mean of the two",
        file: other.adapter.file.path)
      return false
    }
    return true
  }

  private mutating func isSame(
    _ first: (adapter: Adapter, tensor: CheckpointTensor),
    _ second: (adapter: Adapter, tensor: CheckpointTensor)
  ) -> Bool {
    guard first.tensor.dtype == second.tensor.dtype, first.tensor.shape == second.tensor.shape
    else { return false }
    do throws(SafetensorsError) {
      let step = 1 << 20
      for start in stride(from: 0, to: first.tensor.byteCount, by: step) {
        let end = min(start + step, first.tensor.byteCount)
        let (left, right) = (first.tensor.bytes.lowerBound, second.tensor.bytes.lowerBound)
        let own = try first.adapter.file.input.bytes(in: left + start..<left + end)
        let other = try second.adapter.file.input.bytes(in: right + start..<right + end)
        if own != other { return false }
      }
    } catch {
      faults += DiagnosticError(error).diagnostics
    }
    return true
  }
}
