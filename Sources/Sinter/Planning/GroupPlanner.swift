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
  private let used: RecipeMethod
  private let slices: [OutputSlice]
  private let inputs: [PlannedInput]
  private let places: [ModelReference: Int]
  private let options: PlanOptions

  private(set) var groups: [GroupPlan] = []
  private(set) var incompatibilities: [Incompatibility] = []
  private(set) var diagnostics: [Diagnostic] = []
  private(set) var remarks: [Diagnostic] = []
  /// For each input, what becomes of its tensors.
  private(set) var fates: [[String: Ledger.Fate]]
  private var seenFaults = Set<Diagnostic>()

  init(
    recipe: MergeRecipe, method: any MergeMethod.Type, used: RecipeMethod,
    slices: [OutputSlice], inputs: [PlannedInput], options: PlanOptions
  ) {
    self.recipe = recipe
    self.method = method
    self.used = used
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
      } else if let tensor = standIn(for: slot, in: place) {
        present.append(Found(candidate, place, tensor))
        standsIn(tensor, for: slot, place)
      } else {
        missing.append(candidate)
      }
    }
    if missing.isEmpty {
      plan(slot, slice, present)
    } else if !leavesOutTiedHead(slot, slice, present) {
      planPartial(slot, slice, present, missing)
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
  /// The embedding that an input uses as its output head when it stores none.
  private func standIn(for slot: OutputSlot, in place: Int) -> CheckpointTensor? {
    let checkpoint = inputs[place].checkpoint
    guard slot.role == .outputHead || slot.role != nil && TensorRole.isTokenEmbedding(slot.name),
      slot.name.hasSuffix(".weight"), checkpoint.configuration?.tiesWordEmbeddings != false
    else { return nil }
    return checkpoint.tensors.first { TensorRole.isTokenEmbedding($0.name) }
  }

  private mutating func standsIn(
    _ tensor: CheckpointTensor, for slot: OutputSlot, _ place: Int
  ) {
    remark(
      .note,
      "'\(inputs[place].name)' ties '\(slot.name)' to its embedding: '\(tensor.name)' is merged in "
        + "its place")
  }

  /// Whether a slot is left out because the model that gives names ties it to its embedding.
  private mutating func leavesOutTiedHead(
    _ slot: OutputSlot, _ slice: OutputSlice, _ present: [Found]
  ) -> Bool {
    guard slot.role == .outputHead || slot.role != nil && TensorRole.isTokenEmbedding(slot.name),
      let leader = leader(of: slice), !present.contains(where: { $0.source.input == leader }),
      inputs[leader].checkpoint.tensors.contains(where: { TensorRole.isTokenEmbedding($0.name) }),
      inputs[leader].checkpoint.configuration?.tiesWordEmbeddings != false
    else { return false }
    for found in present {
      fates[found.source.input][found.name] = .excluded(.tiedHead)
      let isTied = inputs[found.source.input].checkpoint.configuration?.tiesWordEmbeddings == true
      remark(
        isTied ? .note : .warning,
        "'\(inputs[leader].name)' ties its output head to the embedding and '"
          + "\(inputs[found.source.input].name)' stores its own: the output is tied, and "
          + "'\(found.name)' is left out")
    }
    return true
  }

  /// The input of a slice that others follow: its base, else its first.
  private func leader(of slice: OutputSlice) -> Int? {
    let reference = slice.baseModel?.value ?? slice.inputs.first?.model.value
    return reference.flatMap { places[$0] }
  }

  private mutating func remark(_ severity: Diagnostic.Severity, _ message: String) {
    let diagnostic = Diagnostic(severity, message)
    if seenFaults.insert(diagnostic).inserted { remarks.append(diagnostic) }
  }
}

// MARK: - Missing tensors

extension GroupPlanner {
  private mutating func planPartial(
    _ slot: OutputSlot, _ slice: OutputSlice, _ present: [Found],
    _ missing: [OutputSlot.Candidate]
  ) {
    let leader = leader(of: slice)
    switch options.onMissing {
    case .error:
      incompatibilities.append(
        Incompatibility(
          tensor: slot.name, kind: .missing, present: present.map(\.source),
          missing: missing.compactMap { places[slice.inputs[$0.sliceInput].model.value] }))
      for found in present { fates[found.source.input][found.name] = .merged(into: [slot.name]) }
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
    for other in found where other.source.input != kept?.source.input {
      if fates[other.source.input][other.name] == nil {
        fates[other.source.input][other.name] = .excluded(reason)
      }
    }
  }

  private mutating func copy(
    _ found: Found, as slot: OutputSlot, _ reason: Ledger.CopyReason
  ) {
    let tensor = found.source.tensor
    groups.append(
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
  mutating func addLeftOver(_ name: String, ofInput place: Int, donor: Int) {
    guard let tensor = inputs[place].checkpoint.tensor(name) else { return }
    let source = PlannedSource(input: place, tensor: tensor)
    let isFree = !groups.contains { $0.name == name }
    switch options.onMissing {
    case .error:
      incompatibilities.append(
        Incompatibility(tensor: name, kind: .leftOver, present: [source], missing: []))
    case .base where place == donor && isFree, .copy where isFree:
      groups.append(
        GroupPlan(
          name: name, shape: tensor.shape, dtype: outputType(of: [tensor.dtype]),
          operation: .copy(.missingElsewhere), sources: [source]))
      fates[place][name] = .copied(into: [name], .missingElsewhere)
    case .base:
      fates[place][name] = .excluded(
        inputs[donor].checkpoint.tensor(name) == nil
          ? .notInBase : .baseCopied)
    case .copy:
      fates[place][name] = .excluded(.otherInput)
    }
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
      groups.append(
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
    let group: MergeGroup
    let method: any MergeMethod
    do throws(RecipeFault) {
      group = MergeGroup(
        tensor: slot.name, shape: sources[0].tensor.shape,
        inputs: sources.map { inputs[$0.input].name },
        hasBase: slice.inputs[found[0].sliceInput].isBase,
        parameters: try parameters(slot, slice, found), seed: options.seed,
        formula: used.formula, aliases: found.map { slice.inputs[$0.sliceInput].alias })
    } catch {
      report(error.diagnostic(file: recipe.file, at: slice.position))
      return
    }
    do throws(MethodFault) {
      method = try self.method.init(group)
    } catch {
      report(
        Diagnostic(
          file: recipe.file, at: slice.position, "tensor '\(slot.name)': \(error.message)",
          hint: error.hint))
      return
    }
    if let copied = method.copiedInput {
      groups.append(
        GroupPlan(
          name: slot.name, shape: group.shape, dtype: dtype, operation: .copy(.method),
          sources: [sources[copied]]))
      record(found[copied], .copied(into: [slot.name], .method))
      exclude(found, but: found[copied], .otherInput)
    } else {
      groups.append(
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
    for parameter in used.declaration.parameters {
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

  private mutating func report(_ diagnostic: Diagnostic) {
    if seenFaults.insert(diagnostic).inserted { diagnostics.append(diagnostic) }
  }
}
