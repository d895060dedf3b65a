/// What adapters did, or will do, to one model of a merge.
public struct AdapterOutcome: Sendable, Hashable {
  /// The place of the model among the plan's inputs.
  public let input: Int
  /// The model's name, its adapters included.
  public let model: String
  /// The number of updates of all its adapters.
  public let updates: Int
  /// How many of them reach a tensor that the merge takes; the others belong to layers or modules
  /// that the recipe leaves out.
  public let applied: Int
  /// The norm of all changes divided by the norm of the tensors that are changed; `nil` before the
  /// merge was run.
  public let relativeChange: Double?
}

extension MergePlan {
  /// How many updates reach a tensor that the merge takes, for each model that has adapters.
  public var adapterOutcomes: [AdapterOutcome] { adapterOutcomes(nil) }

  /// The same with what was measured while the plan was executed.
  func adapterOutcomes(_ meters: [ChangeMeter]?) -> [AdapterOutcome] {
    inputs.indices.compactMap { place in
      let adapters = inputs[place].checkpoint.adapters
      guard !adapters.isEmpty else { return nil }
      var taken = Set<String>()
      for tensor in tensors {
        for source in tensor.sources where source.input == place {
          taken.insert(source.tensor.name)
        }
      }
      let updates = adapters.flatMap(\.updates)
      return AdapterOutcome(
        input: place, model: inputs[place].name, updates: updates.count,
        applied: updates.count { $0.contains { taken.contains($0) } },
        relativeChange: meters?[place].relativeChange)
    }
  }
}
