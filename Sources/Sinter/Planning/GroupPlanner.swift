import SinterTensors

/// A tensor of the output whose place in the files is not known yet.
struct GroupPlan: Sendable {
  let name: String
  let shape: Shape
  let dtype: DType
  let operation: PlannedTensor.Operation
  let sources: [PlannedSource]
}

/// Decides for each slot which tensors it is made from and how, and keeps account of every tensor.
struct GroupPlanner {
  private let recipe: MergeRecipe
  private let method: any MergeMethod.Type
  private let slices: [OutputSlice]
  private let inputs: [PlannedInput]
  private let places: [ModelReference: Int]
  private let options: PlanOptions

  private(set) var groups: [GroupPlan] = []
  private(set) var incompatibilities: [Incompatibility] = []
  /// What is wrong with parameters, each fault once however many tensors it concerns.
  var diagnostics: [Diagnostic] { parameterFaults.map(\.diagnostic) }
  private var parameterFaults: [ParameterFault] = []
  private(set) var remarks: [Diagnostic] = []
  /// For each input, what becomes of its tensors.
  private(set) var fates: [[String: Ledger.Fate]]
  private var seenFaults = Set<Diagnostic>()
  /// The names of the groups.
  private var names = Set<String>()

  init(
    recipe: MergeRecipe, method: any MergeMethod.Type, slices: [OutputSlice],
    inputs: [PlannedInput], options: PlanOptions
  ) {
    self.recipe = recipe
    self.method = method
    self.slices = slices
    self.inputs = inputs
    self.options = options
    places = Dictionary(inputs.enumerated().map { ($1.reference, $0) }) { first, _ in first }
    fates = inputs.map { _ in [:] }
  }

  /// Plans one slot.
  mutating func add(_ slot: OutputSlot) {
    let slice = slices[slot.slice]
    var present: [Found] = []
    var missing: [OutputSlot.Candidate] = []
    for candidate in slot.candidates {
      let input = slice.inputs[candidate.sliceInput]
      guard let place = places[input.model.value] else { continue }
      if let tensor = inputs[place].checkpoint.tensor(candidate.name) {
        present.append(Found(candidate, place, tensor))
      } else {
        missing.append(candidate)
      }
    }
    if leavesOutTiedHead(slot, slice, present) { return }
    for candidate in missing {
      guard let place = places[slice.inputs[candidate.sliceInput].model.value],
        let tensor = standIn(for: slot, shape: wantedShape(slot, present), in: place)
      else { continue }
      present.append(Found(candidate, place, tensor))
      missing.removeAll { $0.sliceInput == candidate.sliceInput }
      standsIn(tensor, for: slot, place)
    }
    present.sort { $0.sliceInput < $1.sliceInput }
    if !missing.isEmpty {
      planPartial(slot, slice, present, missing)
    } else if !differsFromPattern(slot, present) {
      plan(slot, slice, present)
    }
  }

  /// A tensor that an input has for a slot.
  private struct Found {
    let sliceInput: Int
    let name: String
    let source: PlannedSource

    init(_ candidate: OutputSlot.Candidate, _ place: Int, _ tensor: CheckpointTensor) {
      sliceInput = candidate.sliceInput
      name = candidate.name
      source = PlannedSource(input: place, tensor: tensor)
    }
  }
}

// MARK: - Tied heads

extension GroupPlanner {
  /// The shape that a tensor which stands in for a slot's must have.
  private func wantedShape(_ slot: OutputSlot, _ present: [Found]) -> Shape? {
    if let first = present.first { return first.source.tensor.shape }
    return slot.pattern.flatMap { source(of: $0)?.tensor.shape }
  }

  /// The embedding that an input uses as its output head, or as a second table of embeddings, when
  /// it stores none.
  ///
  /// A configuration that says that the head is not tied is believed: such an input lacks a tensor.
  private func standIn(
    for slot: OutputSlot, shape: Shape?, in place: Int
  ) -> CheckpointTensor? {
    let checkpoint = inputs[place].checkpoint
    guard let shape, let role = slot.role,
      role == .outputHead && checkpoint.configuration?.tiesWordEmbeddings != false
        || TensorRole.isTokenEmbedding(slot.name)
    else { return nil }
    return checkpoint.tensors.first {
      TensorRole.isTokenEmbedding($0.name) && $0.shape == shape
    }
  }

  private mutating func standsIn(
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
  private mutating func leavesOutTiedHead(
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
      if fates[found.source.input][found.name] == nil {
        fates[found.source.input][found.name] = .excluded(isTied ? .tiedHead : .notInBase)
      }
      remark(isTied: isTied, slot, leader: leader, leavesOut: found)
    }
    return true
  }

  private mutating func remark(
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
  private func leader(of slot: OutputSlot, _ slice: OutputSlice) -> Int? {
    if let pattern = slot.pattern { return places[pattern.model] }
    let models = slice.inputs.map(\.model.value)
    if let base = slice.baseModel?.value, models.contains(base) { return places[base] }
    return models.first.flatMap { places[$0] }
  }

  private mutating func remark(_ severity: Diagnostic.Severity, _ message: String) {
    let diagnostic = Diagnostic(severity, message)
    if seenFaults.insert(diagnostic).inserted { remarks.append(diagnostic) }
  }
}

// MARK: - Stacks of layers of several models

extension GroupPlanner {
  /// A tensor of the model whose configuration describes a stack.
  private func source(of pattern: OutputSlot.Pattern) -> PlannedSource? {
    guard let place = places[pattern.model] else { return nil }
    return pattern.names.first.flatMap { inputs[place].checkpoint.tensor($0) }
      .map { PlannedSource(input: place, tensor: $0) }
  }

  /// Whether a tensor of a stack cannot stand beside those of the model whose configuration
  /// describes it; if so, it has been dealt with.
  private mutating func differsFromPattern(_ slot: OutputSlot, _ present: [Found]) -> Bool {
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
        for one in present { record(one, .merged(into: [slot.name])) }
      }
      return true
    }
    let shape = first.source.tensor.shape
    let checkpoint = inputs[place].checkpoint
    if pattern.names.contains(where: { checkpoint.tensor($0)?.shape == shape }) { return false }
    incompatibilities.append(
      Incompatibility(
        tensor: slot.name, kind: .shape, present: [own] + present.map(\.source), missing: []))
    for one in present { record(one, .merged(into: [slot.name])) }
    return true
  }
}

// MARK: - Missing tensors

extension GroupPlanner {
  private mutating func planPartial(
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
      for found in present { record(found, .merged(into: [slot.name])) }
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

  private mutating func exclude(
    _ found: [Found], but kept: Found?, _ reason: Ledger.ExclusionReason
  ) {
    for other in found where fates[other.source.input][other.source.tensor.name] == nil {
      let isKept =
        other.source.input == kept?.source.input && other.name == kept?.name
      if !isKept { fates[other.source.input][other.source.tensor.name] = .excluded(reason) }
    }
  }

  private mutating func copy(
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
  private mutating func record(_ found: Found, _ fate: Ledger.Fate) {
    let old = fates[found.source.input][found.source.tensor.name]
    switch (old, fate) {
    case (.merged(let outputs), .merged(let more)), (.copied(let outputs, _), .merged(let more)),
      (.merged(let outputs), .copied(let more, _)):
      fates[found.source.input][found.source.tensor.name] = .merged(into: outputs + more)
    case (.copied(let outputs, let reason), .copied(let more, _)):
      fates[found.source.input][found.source.tensor.name] = .copied(into: outputs + more, reason)
    default:
      fates[found.source.input][found.source.tensor.name] = fate
    }
  }
}

// MARK: - Tensors that no slot asked for

extension GroupPlanner {
  /// Leaves a tensor out for a reason that the recipe gives.
  mutating func exclude(
    _ tensor: String, ofInput place: Int, _ reason: Ledger.ExclusionReason
  ) {
    fates[place][tensor] = .excluded(reason)
  }

  /// Deals with a tensor that no part of the recipe speaks of.
  ///
  /// - Parameters:
  ///   - own: the tensor's name in its input.
  ///   - name: its name in the output.
  ///   - place: the input.
  ///   - donor: the input that gives names.
  mutating func addLeftOver(_ own: String, as name: String, ofInput place: Int, donor: Int) {
    guard let tensor = inputs[place].checkpoint.tensor(own) else { return }
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

  private mutating func append(_ group: GroupPlan) {
    names.insert(group.name)
    groups.append(group)
  }
}

// MARK: - Complete groups

extension GroupPlanner {
  private mutating func plan(_ slot: OutputSlot, _ slice: OutputSlice, _ found: [Found]) {
    let ordered =
      found.filter { slice.inputs[$0.sliceInput].isBase }
      + found.filter { !slice.inputs[$0.sliceInput].isBase }
    guard let first = ordered.first else { return }
    let sources = ordered.map(\.source)
    let types = sources.map(\.tensor.dtype)
    guard sources.allSatisfy({ $0.tensor.shape == first.source.tensor.shape }) else {
      fail(slot, ordered, .shape)
      return
    }
    guard types.allSatisfy(\.isFloatingPoint) else {
      guard types.allSatisfy({ $0 == types[0] }) else {
        fail(slot, ordered, .type)
        return
      }
      append(
        GroupPlan(
          name: slot.name, shape: first.source.tensor.shape, dtype: types[0],
          operation: .copy(.notFloatingPoint), sources: sources))
      record(first, .copied(into: [slot.name], .notFloatingPoint))
      exclude(ordered, but: first, .sameAsCopied)
      return
    }
    merge(slot, slice, ordered, dtype: outputType(of: types))
  }

  private mutating func fail(
    _ slot: OutputSlot, _ found: [Found], _ kind: Incompatibility.Kind
  ) {
    incompatibilities.append(
      Incompatibility(
        tensor: slot.name, kind: kind, present: found.map(\.source), missing: []))
    for one in found { record(one, .merged(into: [slot.name])) }
  }

  private mutating func merge(
    _ slot: OutputSlot, _ slice: OutputSlice, _ found: [Found], dtype: DType
  ) {
    let sources = found.map(\.source)
    // Also when the parameters turn out to be faulty: that is one fault, not another.
    defer {
      for one in found where fates[one.source.input][one.source.tensor.name] == nil {
        record(one, .merged(into: [slot.name]))
      }
    }
    let group: MergeGroup
    let method: any MergeMethod
    do throws(RecipeFault) {
      group = MergeGroup(
        tensor: slot.name, shape: sources[0].tensor.shape,
        inputs: sources.map { inputs[$0.input].name },
        hasBase: slice.inputs[found[0].sliceInput].isBase,
        parameters: try parameters(slot, slice, found), seed: options.seed)
    } catch {
      report(error.diagnostic(file: recipe.file, at: slice.position), concerning: slot, slice)
      return
    }
    do throws(MethodFault) {
      method = try self.method.init(group)
    } catch {
      report(
        Diagnostic(
          file: recipe.file, at: slice.position, "tensor '\(slot.name)': \(error.message)",
          hint: error.hint), concerning: slot, slice)
      return
    }
    if let copied = method.copiedInput {
      append(
        GroupPlan(
          name: slot.name, shape: group.shape, dtype: dtype, operation: .copy(.method),
          sources: [sources[copied]]))
      record(found[copied], .copied(into: [slot.name], .method))
      exclude(found, but: found[copied], .otherInput)
    } else {
      append(
        GroupPlan(
          name: slot.name, shape: group.shape, dtype: dtype, operation: .merge(method, group),
          sources: sources))
      for one in found { record(one, .merged(into: [slot.name])) }
    }
  }

  /// Resolves the method's parameters for one slot.
  private func parameters(
    _ slot: OutputSlot, _ slice: OutputSlice, _ found: [Found]
  ) throws(RecipeFault) -> GroupParameters {
    var shared: [String: ParameterValue] = [:]
    var own = [[String: ParameterValue]](repeating: [:], count: found.count)
    for parameter in method.declaration.parameters {
      switch parameter.scope {
      case .tensor:
        shared[parameter.name] = try slice.parameters.value(
          of: parameter, for: slot.name, at: slot.fraction)
      case .input, .nonBase:
        for (row, one) in found.enumerated() {
          let input = slice.inputs[one.sliceInput]
          if parameter.scope == .nonBase, input.isBase { continue }
          own[row][parameter.name] = try input.parameters.value(
            of: parameter, for: one.name, at: slot.fraction)
        }
      }
    }
    return GroupParameters(tensor: shared, inputs: own)
  }

  /// The element type of an output tensor.
  private func outputType(of types: [DType]) -> DType {
    guard types.allSatisfy(\.isFloatingPoint) else { return types[0] }
    return options.dtype ?? recipe.outDtype?.value ?? recipe.dtype?.value
      ?? DType.promoted(types) ?? types[0]
  }

  /// Notes what is wrong with the parameters of a tensor; the same fault of others is counted.
  private mutating func report(
    _ diagnostic: Diagnostic, concerning slot: OutputSlot, _ slice: OutputSlice
  ) {
    let known = parameterFaults.firstIndex {
      $0.first.position == diagnostic.position
        && $0.first.message.replacing($0.tensor, with: slot.name) == diagnostic.message
    }
    if let known {
      parameterFaults[known].others += 1
    } else {
      parameterFaults.append(ParameterFault(first: diagnostic, tensor: slot.name))
    }
  }

  /// A fault of parameters, with the first tensor that it was found for.
  private struct ParameterFault {
    let first: Diagnostic
    let tensor: String
    var others = 0

    var diagnostic: Diagnostic {
      guard others > 0 else { return first }
      return Diagnostic(
        first.severity, file: first.file, at: first.position,
        first.message + ", and so for \(others) other \(others == 1 ? "tensor" : "tensors")",
        hint: first.hint)
    }
  }
}
