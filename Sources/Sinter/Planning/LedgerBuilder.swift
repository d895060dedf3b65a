/// Closes the account of a plan: every tensor of every input that no output tensor is made from is
/// excluded for a reason, copied, or an incompatibility.
struct LedgerBuilder {
  private let inputs: [PlannedInput]
  private let donor: Int

  init(_ inputs: [PlannedInput], donor: Int) {
    self.inputs = inputs
    self.donor = donor
  }

  /// Decides about every tensor that has no fate yet.
  ///
  /// - Parameters:
  ///   - groups: the groups that were planned, with the fates of their tensors.
  ///   - slots: what the recipe says of each tensor.
  ///   - structures: the structure of each model.
  func close(
    _ groups: inout GroupPlanner, slots: SlotBuilder,
    structures: [ModelReference: ModelStructure]
  ) {
    for (place, input) in inputs.enumerated() {
      guard let structure = structures[input.reference] else { continue }
      for (own, address) in structure.addresses.enumerated()
      where groups.fates[place][own] == nil {
        if let reason = slots.exclusion(of: address, from: input.reference) {
          groups.exclude(own, ofInput: place, reason)
        } else {
          groups.addLeftOver(own, as: address.name, ofInput: place, donor: donor)
        }
      }
    }
  }

  /// The finished ledger.
  func ledger(_ groups: GroupPlanner) -> Ledger {
    Ledger(
      inputs: inputs.enumerated().map { place, input in
        zip(input.checkpoint.tensors, groups.fates[place]).compactMap { tensor, fate in
          fate.map { Ledger.Entry(tensor: tensor.name, fate: $0) }
        }
      })
  }
}
