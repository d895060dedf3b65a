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
  let recipe: MergeRecipe
  let method: any MergeMethod.Type
  private let used: RecipeMethod
  let slices: [OutputSlice]
  let inputs: [PlannedInput]
  let places: [ModelReference: Int]
  /// What is the same for all tensors of each slice.
  private var sliceInputs: [SliceInputs]
  let options: PlanOptions

  var groups: [GroupPlan] = []
  var incompatibilities: [Incompatibility] = []
  /// What is wrong with parameters, each fault once however many tensors it concerns.
  var diagnostics: [Diagnostic] { parameterFaults.map(\.diagnostic) }
  var parameterFaults: [ParameterFault] = []
  var remarks: [Diagnostic] = []
  /// For each input, what becomes of its tensors, in the order in which the checkpoint has them.
  var fates: [[Ledger.Fate?]]
  /// For each input, the place of the tensor that is likely asked for next.
  private var next: [Int]
  var seenFaults = Set<Diagnostic>()
  /// The names of the groups.
  var names = Set<String>()

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
    let places = Dictionary(inputs.enumerated().map { ($1.reference, $0) }) { first, _ in first }
    self.places = places
    sliceInputs = slices.map { SliceInputs($0, inputs, places: places) }
    fates = inputs.map { Array(repeating: nil, count: $0.checkpoint.tensors.count) }
    next = inputs.map { _ in 0 }
  }

  /// Plans one slot.
  mutating func add(_ slot: OutputSlot) {
    let slice = slices[slot.slice]
    var present: [Found] = []
    present.reserveCapacity(slot.candidates.count)
    var missing: [OutputSlot.Candidate] = []
    for candidate in slot.candidates {
      guard let place = sliceInputs[slot.slice].places[candidate.sliceInput] else { continue }
      let checkpoint = inputs[place].checkpoint
      if let tensor = checkpoint.place(of: candidate.name, guess: next[place]) {
        next[place] = tensor + 1
        present.append(Found(candidate, place, checkpoint, tensor))
      } else {
        missing.append(candidate)
      }
    }
    if leavesOutTiedHead(slot, slice, present) { return }
    for candidate in missing {
      guard let place = places[slice.inputs[candidate.sliceInput].model.value],
        let tensor = standIn(for: slot, shape: wantedShape(slot, present), in: place)
      else { continue }
      let found = Found(candidate, place, inputs[place].checkpoint, tensor)
      present.append(found)
      missing.removeAll { $0.sliceInput == candidate.sliceInput }
      standsIn(found.source.tensor, for: slot, place)
    }
    present.sort { $0.sliceInput < $1.sliceInput }
    if !missing.isEmpty {
      planPartial(slot, slice, present, missing)
    } else if !differsFromPattern(slot, present) {
      plan(slot, slice, present)
    }
  }

  /// A tensor that an input has for a slot.
  struct Found {
    let sliceInput: Int
    let name: String
    let source: PlannedSource
    /// The place of the tensor in its checkpoint.
    let place: Int

    init(
      _ candidate: OutputSlot.Candidate, _ input: Int, _ checkpoint: Checkpoint, _ place: Int
    ) {
      sliceInput = candidate.sliceInput
      name = candidate.name
      source = PlannedSource(input: input, tensor: checkpoint.tensors[place])
      self.place = place
    }
  }
}

// MARK: - Complete groups

extension GroupPlanner {
  mutating func plan(_ slot: OutputSlot, _ slice: OutputSlice, _ found: [Found]) {
    // Each input of the slice has its tensor, in the order of the slice.
    let ordered = sliceInputs[slot.slice].order.map { found[$0] }
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

  mutating func fail(
    _ slot: OutputSlot, _ found: [Found], _ kind: Incompatibility.Kind
  ) {
    incompatibilities.append(
      Incompatibility(
        tensor: slot.name, kind: kind, present: found.map(\.source), missing: []))
    recordMerged(found, into: slot)
  }

  mutating func merge(
    _ slot: OutputSlot, _ slice: OutputSlice, _ found: [Found], dtype: DType
  ) {
    let sources = found.map(\.source)
    let group: MergeGroup
    let method: any MergeMethod
    do throws(RecipeFault) {
      group = MergeGroup(
        tensor: slot.name, shape: sources[0].tensor.shape,
        inputs: sliceInputs[slot.slice].names, hasBase: sliceInputs[slot.slice].hasBase,
        parameters: try parameters(slot, slice, found), seed: options.seed,
        formula: used.formula, aliases: sliceInputs[slot.slice].aliases)
    } catch {
      report(error.diagnostic(file: recipe.file, at: slice.position), concerning: slot, found)
      return
    }
    do throws(MethodFault) {
      method = try self.method.init(group)
    } catch {
      report(
        Diagnostic(
          file: recipe.file, at: slice.position, "tensor '\(slot.name)': \(error.message)",
          hint: error.hint), concerning: slot, found)
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
      recordMerged(found, into: slot)
    }
  }

  /// Resolves the method's parameters for one slot.
  mutating func parameters(
    _ slot: OutputSlot, _ slice: OutputSlice, _ found: [Found]
  ) throws(RecipeFault) -> GroupParameters {
    if let known = sliceInputs[slot.slice].parameters { return known }
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
    let resolved = GroupParameters(tensor: shared, inputs: own)
    if sliceInputs[slot.slice].isUniform { sliceInputs[slot.slice].parameters = resolved }
    return resolved
  }

  /// The element type of an output tensor.
  func outputType(of types: [DType]) -> DType {
    guard types.allSatisfy(\.isFloatingPoint) else { return types[0] }
    return options.dtype ?? recipe.outDtype?.value ?? recipe.dtype?.value
      ?? DType.promoted(types) ?? types[0]
  }

  /// Notes what is wrong with the parameters of a tensor; the same fault of others is counted.
  mutating func report(
    _ diagnostic: Diagnostic, concerning slot: OutputSlot, _ found: [Found]
  ) {
    // Their part in the recipe is known: that they have no fate would be told as another fault.
    recordMerged(found, into: slot)
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
  struct ParameterFault {
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
