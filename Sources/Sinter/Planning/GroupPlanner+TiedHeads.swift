import SinterTensors

extension GroupPlanner {
  /// The shape that a tensor which stands in for a slot's must have.
  func wantedShape(_ slot: OutputSlot, _ present: [Found]) -> Shape? {
    if let first = present.first { return first.source.tensor.shape }
    return slot.pattern.flatMap { source(of: $0)?.tensor.shape }
  }

  /// The place of the embedding that an input uses as its output head, or as a second table of
  /// embeddings, when it stores none.
  ///
  /// A configuration that says that the head is not tied is believed: such an input lacks a tensor.
  func standIn(
    for slot: OutputSlot, shape: Shape?, in place: Int
  ) -> Int? {
    let checkpoint = inputs[place].checkpoint
    guard let shape, let role = slot.role,
      role == .outputHead && checkpoint.configuration?.tiesWordEmbeddings != false
        || TensorRole.isTokenEmbedding(slot.name)
    else { return nil }
    return checkpoint.tensors.firstIndex {
      TensorRole.isTokenEmbedding($0.name) && $0.shape == shape
    }
  }

  mutating func standsIn(
    _ tensor: CheckpointTensor, for slot: OutputSlot, _ place: Int
  ) {
    remark(
      .note,
      "'\(inputs[place].name)' ties '\(slot.name)' to its embedding: '\(tensor.name)' is merged in "
        + "its place")
  }

  /// Whether a slot is left out because the model that gives names stores no such tensor and uses
  /// its embedding instead.
  ///
  /// A model without an output head is followed too when its configuration says that it has one of
  /// its own: released checkpoints say so wrongly.
  mutating func leavesOutTiedHead(
    _ slot: OutputSlot, _ slice: OutputSlice, _ present: [Found]
  ) -> Bool {
    guard slot.role == .outputHead || slot.role != nil && TensorRole.isTokenEmbedding(slot.name),
      let first = present.first, let leader = leader(of: slot, slice),
      !present.contains(where: { $0.source.input == leader }),
      slot.pattern?.names.isEmpty ?? true,
      inputs[leader].checkpoint.tensors.contains(where: {
        TensorRole.isTokenEmbedding($0.name)
          && $0.shape.dimensions.count == first.source.tensor.shape.dimensions.count
      })
    else { return false }
    let isTied =
      slot.role == .outputHead
      && inputs[leader].checkpoint.configuration?.tiesWordEmbeddings != false
    for found in present {
      if fates[found.source.input][found.place] == nil {
        fates[found.source.input][found.place] = .excluded(isTied ? .tiedHead : .notInBase)
      }
      remark(isTied: isTied, slot, leader: leader, leavesOut: found)
    }
    return true
  }

  mutating func remark(
    isTied: Bool, _ slot: OutputSlot, leader: Int, leavesOut found: Found
  ) {
    let (own, other) = (inputs[leader], inputs[found.source.input])
    if slot.role != .outputHead {
      remark(
        .note,
        "'\(own.name)' stores one table of token embeddings and '\(other.name)' stores "
          + "'\(found.name)' besides, which is left out")
    } else if isTied {
      remark(
        other.checkpoint.configuration?.tiesWordEmbeddings == true ? .note : .warning,
        "'\(own.name)' ties its output head to the embedding and '\(other.name)' stores its own: "
          + "the output is tied, and '\(found.name)' is left out")
    } else {
      remark(
        .warning,
        "'\(own.name)' stores no output head, though its configuration says that it is not tied to "
          + "the embedding: the output has none, and '\(found.name)' of '\(other.name)' is left out"
      )
    }
  }

  /// The input that others follow: the one whose configuration describes a stack, else the base of
  /// the slice, else its first input.
  func leader(of slot: OutputSlot, _ slice: OutputSlice) -> Int? {
    if let pattern = slot.pattern { return places[pattern.model] }
    let models = slice.inputs.map(\.model.value)
    if let base = slice.baseModel?.value, models.contains(base) { return places[base] }
    return models.first.flatMap { places[$0] }
  }

  mutating func remark(_ severity: Diagnostic.Severity, _ message: String) {
    let diagnostic = Diagnostic(severity, message)
    if seenFaults.insert(diagnostic).inserted { remarks.append(diagnostic) }
  }
}
