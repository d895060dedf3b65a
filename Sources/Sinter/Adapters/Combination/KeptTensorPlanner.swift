import Safetensors
import SinterTensors

/// Finds the tensors that adapters store as they are, and which of them a combination can take over.
struct KeptTensorPlanner {
  private let adapters: [Adapter]
  private let names: [String]
  /// The weights that each adapter has in one module or another.
  private let weights: [Set<Double>]
  private let modules: [CombinedModule]
  private let options: CombinationOptions

  private(set) var kept: [KeptTensor] = []
  private(set) var faults: [Diagnostic] = []
  private(set) var remarks: [Diagnostic] = []

  /// Prepares the search.
  ///
  /// - Parameters:
  ///   - adapters: the adapters.
  ///   - names: what the recipe calls them.
  ///   - weights: the weights that each has in one module or another.
  ///   - modules: the modules with factors.
  ///   - options: how they are combined, beside what the recipe says.
  init(
    adapters: [Adapter], names: [String], weights: [Set<Double>], modules: [CombinedModule],
    options: CombinationOptions
  ) {
    self.adapters = adapters
    self.names = names
    self.weights = weights
    self.modules = modules
    self.options = options
  }

  /// Makes the plan.
  mutating func plan() {
    keepMagnitudes()
    let factored = Set(modules.map(\.name))
    for group in grouped({ $0.replacements.map { ($0.target, $0.tensor) } }) {
      keep(group.target, group.found, factored)
    }
    for group in grouped({ $0.tokenRows.map { ($0.target, $0.tensor) } }) {
      keepRows(group.target, group.found)
    }
    let whole = kept.filter { $0.role != .magnitude }
    guard let first = whole.first else { return }
    remarks.append(
      Diagnostic(
        .note,
        "\(CountText.of(whole.count, "tensor")) that adapters store whole, such as "
          + "'\(first.target)', \(whole.count == 1 ? "is" : "are") taken over as stored"))
  }

  /// A tensor of one of the adapters.
  private struct Found {
    let place: Int
    let adapter: Adapter
    let tensor: CheckpointTensor
  }

  /// The tensors of all adapters, by what they change, in the order in which they come.
  private func grouped(
    _ tensors: (Adapter) -> [(target: String, tensor: CheckpointTensor)]
  ) -> [(target: String, found: [Found])] {
    var order: [String] = []
    var groups: [String: [Found]] = [:]
    for (place, adapter) in adapters.enumerated() {
      for (target, tensor) in tensors(adapter) {
        if groups[target] == nil { order.append(target) }
        groups[target, default: []].append(Found(place: place, adapter: adapter, tensor: tensor))
      }
    }
    return order.map { ($0, groups[$0] ?? []) }
  }

  private mutating func fail(_ message: String, _ found: Found) {
    faults.append(
      Diagnostic(
        file: found.adapter.file.path, message,
        hint: "merge models instead: a recipe of 'BASE+ADAPTER' models can weigh it"))
  }

  // MARK: Magnitudes

  /// Takes over the magnitudes of an adapter that stays as it is: with any other update the norms to
  /// which they belong would be others.
  private mutating func keepMagnitudes() {
    let isAsItWas =
      adapters.count == 1
      && modules.allSatisfy { module in
        guard case .sum([1]) = module.step else { return false }
        return options.energy == nil && options.rank ?? module.rank >= module.rank
      }
    for (place, adapter) in adapters.enumerated() {
      for module in adapter.modules {
        guard let magnitude = module.magnitude else { continue }
        let found = Found(place: place, adapter: adapter, tensor: magnitude)
        guard isAsItWas else {
          fail(
            "tensor '\(magnitude.name)': the magnitudes of DoRA belong to a base's weights and "
              + "have no sum; they are taken over when one adapter is combined alone, at weight 1 "
              + "and without a smaller rank", found)
          break
        }
        guard module.magnitudeAxis == .outputs else {
          fail(
            "tensor '\(magnitude.name)' holds a magnitude for each entry of an embedding, those of "
              + "PEFT belong to its features", found)
          break
        }
        kept.append(
          KeptTensor(
            target: module.target, role: .magnitude, tensor: magnitude, file: adapter.file.input))
      }
    }
  }

  // MARK: Whole tensors

  private mutating func keep(_ target: String, _ found: [Found], _ factored: Set<String>) {
    guard let first = found.first else { return }
    let name = first.tensor.name
    let owner = ModuleName.owner(of: target)
    let role: KeptTensor.Role
    switch (factored.contains(owner), target.hasSuffix(".bias")) {
    case (true, true): role = .bias
    case (true, false):
      // An adapter of an embedding stores the table that its own factors are added to.
      let isOwn = found.allSatisfy { one in one.adapter.modules.contains { $0.target == target } }
      guard isOwn else {
        fail(
          "tensor '\(name)' takes the place of a weight to which another adapter adds factors",
          first)
        return
      }
      role = .weight
    case (false, true):
      let isOfWhole = found.contains { one in
        one.adapter.replacements.contains { $0.target == owner + ".weight" }
      }
      role = isOfWhole ? .whole : .otherBias
    case (false, false): role = .whole
    }
    guard isUnweighted(found), areAlike(found) else { return }
    kept.append(
      KeptTensor(
        target: target, role: role, tensor: first.tensor, file: first.adapter.file.input))
  }

  /// Takes over rows of trained tokens.
  private mutating func keepRows(_ target: String, _ found: [Found]) {
    guard let first = found.first else { return }
    let rows = found.compactMap { one in one.adapter.tokenRows.first { $0.target == target } }
    let isChanged =
      modules.contains { $0.first?.target == target }
      || adapters.contains { $0.replacements.contains { $0.target == target } }
    guard !isChanged else {
      fail(
        "tensor '\(first.tensor.name)' holds rows of an embedding that an adapter changes as a "
          + "whole", first)
      return
    }
    for (other, own) in zip(found, rows).dropFirst() where own.rows != rows[0].rows {
      fail(
        "tensor '\(other.tensor.name)' holds the rows of other tokens than that of "
          + "'\(first.adapter.path)'", other)
      return
    }
    guard isUnweighted(found), areAlike(found) else { return }
    kept.append(
      KeptTensor(
        target: target, role: .rows(rows[0]), tensor: first.tensor,
        file: first.adapter.file.input))
  }

  // MARK: What is taken over

  /// Whether all adapters that store a tensor have the weight 1.
  private mutating func isUnweighted(_ found: [Found]) -> Bool {
    guard let other = found.first(where: { weights[$0.place] != [1] }) else { return true }
    fail(
      "tensor '\(found[0].tensor.name)' is stored whole and can only be taken over with the weight "
        + "1, not with that of '\(names[other.place])'", other)
    return false
  }

  /// Whether all store the same.
  private mutating func areAlike(_ found: [Found]) -> Bool {
    for other in found.dropFirst() where !isSame(found[0], other) {
      fail(
        "tensor '\(other.tensor.name)' is stored whole and differs from that of "
          + "'\(found[0].adapter.path)'; without the base there is no mean of the two", other)
      return false
    }
    return true
  }

  private mutating func isSame(_ first: Found, _ second: Found) -> Bool {
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
