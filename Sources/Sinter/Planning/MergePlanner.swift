import Safetensors
import SinterTensors

/// Makes plans: checks a recipe, opens its checkpoints, and decides every tensor of the output.
public struct MergePlanner: Sendable {
  private let registry: MethodRegistry
  private let resolver: any ModelResolver
  private let options: PlanOptions

  /// Makes a planner.
  ///
  /// - Parameters:
  ///   - registry: the methods that recipes can name.
  ///   - resolver: finds the models that recipes name.
  ///   - options: what plans depend on beside the recipe.
  public init(
    registry: MethodRegistry = .builtIn, resolver: any ModelResolver,
    options: PlanOptions = PlanOptions()
  ) {
    self.registry = registry
    self.resolver = resolver
    self.options = options
  }

  /// Makes the plan of a recipe.
  ///
  /// Only headers and small files are read.
  ///
  /// - Parameter recipe: the recipe.
  /// - Returns: the plan.
  /// - Throws: ``DiagnosticError`` with all faults that were found: first those of the recipe
  ///   alone, then those of its checkpoints, then those of the merge.
  public func plan(_ recipe: MergeRecipe) throws(DiagnosticError) -> MergePlan {
    let faults = RecipeCheck.check(recipe, methods: registry.declarations)
    guard !faults.contains(where: { $0.severity == .error }),
      let method = registry[recipe.method.value]
    else { throw DiagnosticError(faults) }
    let inputs = try ModelOpening(recipe, resolver: resolver, ties: options.ties).inputs()
    let used = RecipeMethod(method.declaration, in: recipe)
    let slices = recipe.outputSlices(base: method.declaration.base)
    let donor = donor(of: recipe, among: inputs)
    let structures = Dictionary(
      inputs.enumerated().map { place, input in
        (
          input.reference,
          ModelStructure(
            input.checkpoint, alignedWith: place == donor ? nil : inputs[donor].checkpoint)
        )
      }
    ) { first, _ in first }
    let slots = SlotBuilder(
      slices, structures: structures, donor: inputs[donor].reference, file: recipe.file)
    guard slots.diagnostics.isEmpty else { throw DiagnosticError(slots.diagnostics) }
    var groups = GroupPlanner(
      recipe: recipe, method: method, used: used, slices: slices, inputs: inputs,
      options: options)
    for slot in slots.slots { groups.add(slot) }
    let account = LedgerBuilder(inputs, donor: donor)
    account.close(&groups, slots: slots, structures: structures)
    guard groups.incompatibilities.isEmpty, groups.diagnostics.isEmpty else {
      throw DiagnosticError(
        CompatibilityReport(
          groups.incompatibilities, inputs: inputs, areStacked: slices.contains { !$0.isWhole }
        ).diagnostics
          + groups.diagnostics)
    }
    let layout = try layout(of: groups.groups)
    let tensors = zip(groups.groups, layout.places).map { group, place in
      PlannedTensor(
        name: group.name, shape: group.shape, dtype: group.dtype, operation: group.operation,
        sources: group.sources, shard: place.shard, bytes: place.bytes)
    }
    let configuration = try OutputConfiguration(
      donor: inputs[donor], inputs: inputs, stacks: slots.stacks, tensors: tensors,
      namesType: options.dtype != nil || recipe.dtype != nil || recipe.outDtype != nil)
    return MergePlan(
      recipe: recipe, method: used.declaration, seed: options.seed, inputs: inputs,
      donor: donor, tensors: tensors, shards: layout.shards,
      configuration: configuration.text,
      sideFiles: inputs[donor].checkpoint.sideFiles, ledger: account.ledger(groups),
      remarks: faults + inputs.flatMap(\.checkpoint.remarks) + slots.remarks + groups.remarks
        + configuration.remarks)
  }

  private func layout(of groups: [GroupPlan]) throws(DiagnosticError) -> ShardLayout {
    do throws(SafetensorsError) {
      return try ShardLayout(
        groups.map { TensorDeclaration(name: $0.name, dtype: $0.dtype, shape: $0.shape) },
        limit: options.shardSize)
    } catch {
      throw DiagnosticError(error)
    }
  }

  // MARK: - Inputs

  /// The input that gives names, configuration and side files: the base model, else the first
  /// model that is listed.
  private func donor(of recipe: MergeRecipe, among inputs: [PlannedInput]) -> Int {
    let listed = recipe.modelMentions.first { $0.role == .input }?.model.value
    let reference = recipe.baseModel?.value ?? listed
    return inputs.firstIndex { $0.reference == reference } ?? 0
  }
}

extension DiagnosticError {
  /// The same faults with a place in a recipe, where they have none.
  func located(at position: SourcePosition, of file: String) -> DiagnosticError {
    DiagnosticError(
      diagnostics.map { one in
        one.file == nil
          ? Diagnostic(one.severity, file: file, at: position, one.message, hint: one.hint) : one
      }, kind: kind)
  }
}
