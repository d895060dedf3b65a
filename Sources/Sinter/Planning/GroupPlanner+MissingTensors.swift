import SinterTensors

extension GroupPlanner {
  mutating func planPartial(
    _ slot: OutputSlot, _ slice: OutputSlice, _ present: [Found],
    _ missing: [OutputSlot.Candidate]
  ) {
    let leader = leader(of: slot, slice)
    switch options.onMissing {
    case .error:
      let pattern = present.isEmpty ? slot.pattern.flatMap { source(of: $0) } : nil
      incompatibilities.append(
        Incompatibility(
          tensor: slot.name, kind: .missing,
          present: present.map(\.source) + (pattern.map { [$0] } ?? []),
          missing: missing.compactMap { places[slice.inputs[$0.sliceInput].model.value] }))
      recordMerged(present, into: slot)
    case .base:
      if let own = present.first(where: { $0.source.input == leader }) {
        copy(own, as: slot, .missingElsewhere)
        exclude(present, but: own, .baseCopied)
      } else {
        exclude(present, but: nil, .notInBase)
      }
    case .copy:
      guard let first = present.first else { return }
      copy(first, as: slot, .missingElsewhere)
      exclude(present, but: first, .otherInput)
    }
  }

  mutating func exclude(
    _ found: [Found], but kept: Found?, _ reason: Ledger.ExclusionReason
  ) {
    for other in found where fates[other.source.input][other.place] == nil {
      let isKept =
        other.source.input == kept?.source.input && other.name == kept?.name
      if !isKept { fates[other.source.input][other.place] = .excluded(reason) }
    }
  }

  mutating func copy(
    _ found: Found, as slot: OutputSlot, _ reason: Ledger.CopyReason
  ) {
    let tensor = found.source.tensor
    append(
      GroupPlan(
        name: slot.name, shape: tensor.shape, dtype: outputType(of: [tensor.dtype]),
        operation: .copy(reason), sources: [found.source]))
    record(found, .copied(into: [slot.name], reason))
  }

  /// Notes the fate of a tensor; one that feeds several output tensors lists them all.
  mutating func record(_ found: Found, _ fate: Ledger.Fate) {
    let (input, place) = (found.source.input, found.place)
    guard let old = fates[input][place] else {
      fates[input][place] = fate
      return
    }
    switch (old, fate) {
    case (.merged(let outputs), .merged(let more)), (.copied(let outputs, _), .merged(let more)),
      (.merged(let outputs), .copied(let more, _)):
      fates[input][place] = .merged(into: outputs + more)
    case (.copied(let outputs, let reason), .copied(let more, _)):
      fates[input][place] = .copied(into: outputs + more, reason)
    case (.excluded, _), (_, .excluded):
      fates[input][place] = fate
    }
  }

  /// Notes that tensors take part in a merge.
  mutating func recordMerged(_ found: [Found], into slot: OutputSlot) {
    // One list of names for all of them.
    let fate = Ledger.Fate.merged(into: [slot.name])
    for one in found { record(one, fate) }
  }
}

// MARK: - Tensors that no slot asked for

extension GroupPlanner {
  /// Leaves a tensor out for a reason that the recipe gives.
  mutating func exclude(
    _ tensor: Int, ofInput place: Int, _ reason: Ledger.ExclusionReason
  ) {
    fates[place][tensor] = .excluded(reason)
  }

  /// Deals with a tensor that no part of the recipe speaks of.
  ///
  /// - Parameters:
  ///   - own: the place of the tensor in its checkpoint.
  ///   - name: its name in the output.
  ///   - place: the input.
  ///   - donor: the input that gives names.
  mutating func addLeftOver(_ own: Int, as name: String, ofInput place: Int, donor: Int) {
    let tensor = inputs[place].checkpoint.tensors[own]
    let source = PlannedSource(input: place, tensor: tensor)
    let isFree = !names.contains(name)
    switch options.onMissing {
    case .error:
      incompatibilities.append(
        Incompatibility(tensor: name, kind: .leftOver, present: [source], missing: []))
    case .base where place == donor && isFree, .copy where isFree:
      append(
        GroupPlan(
          name: name, shape: tensor.shape, dtype: outputType(of: [tensor.dtype]),
          operation: .copy(.missingElsewhere), sources: [source]))
      fates[place][own] = .copied(into: [name], .missingElsewhere)
    case .base:
      fates[place][own] = .excluded(
        inputs[donor].checkpoint.tensor(name) == nil
          ? .notInBase : .baseCopied)
    case .copy:
      fates[place][own] = .excluded(.otherInput)
    }
  }

  mutating func append(_ group: GroupPlan) {
    names.insert(group.name)
    groups.append(group)
  }
}

// MARK: - Stacks of layers of several models

extension GroupPlanner {
  /// A tensor of the model whose configuration describes a stack.
  func source(of pattern: OutputSlot.Pattern) -> PlannedSource? {
    guard let place = places[pattern.model] else { return nil }
    return pattern.names.first.flatMap { inputs[place].checkpoint.tensor($0) }
      .map { PlannedSource(input: place, tensor: $0) }
  }

  /// Whether a tensor of a stack cannot stand beside those of the model whose configuration
  /// describes it; if so, it has been dealt with.
  mutating func differsFromPattern(_ slot: OutputSlot, _ present: [Found]) -> Bool {
    guard let pattern = slot.pattern, let place = places[pattern.model], let first = present.first,
      !present.contains(where: { $0.source.input == place })
    else { return false }
    guard let own = source(of: pattern) else {
      if options.onMissing == .copy { return false }
      if options.onMissing == .base {
        exclude(present, but: nil, .notInBase)
      } else {
        incompatibilities.append(
          Incompatibility(
            tensor: slot.name, kind: .missing, present: present.map(\.source), missing: [place]))
        recordMerged(present, into: slot)
      }
      return true
    }
    let shape = first.source.tensor.shape
    let checkpoint = inputs[place].checkpoint
    if pattern.names.contains(where: { checkpoint.tensor($0)?.shape == shape }) { return false }
    incompatibilities.append(
      Incompatibility(
        tensor: slot.name, kind: .shape, present: [own] + present.map(\.source), missing: []))
    recordMerged(present, into: slot)
    return true
  }
}
