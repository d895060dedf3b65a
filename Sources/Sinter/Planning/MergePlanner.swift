import Dispatch
import Safetensors
import SinterTensors
import Synchronization

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
  /// Headers and small files are read, no weights of models. Of adapters, factors are read until one
  /// is not zero, and of one that stores both ends of a tied pair the two tables, a piece at a time.
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
    let inputs = try open(recipe)
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

  /// Opens the models of a recipe, each once, in the order in which it first names them.
  private func open(_ recipe: MergeRecipe) throws(DiagnosticError) -> [PlannedInput] {
    var seen = Set<ModelReference>()
    let mentions = recipe.modelMentions
    let bases = Set(mentions.filter { $0.role == .base }.map(\.model.value))
    let models = mentions.map(\.model).filter { seen.insert($0.value).inserted }
    var paths: [ModelReference: String] = [:]
    var faults: [DiagnosticError] = []
    for model in models {
      do throws(DiagnosticError) {
        paths[model.value] = try resolver.resolve(model.value)
      } catch {
        faults.append(error.located(at: model.position, of: recipe.file))
      }
    }
    let opened = Self.open(Set(paths.values))
    var inputs: [PlannedInput] = []
    for model in models {
      guard let path = paths[model.value], let checkpoint = opened[path] else { continue }
      do throws(DiagnosticError) {
        inputs.append(
          PlannedInput(
            reference: model.value,
            checkpoint: try prepare(try checkpoint.get(), for: model, of: recipe),
            isBase: bases.contains(model.value)))
      } catch {
        faults.append(error)
      }
    }
    guard faults.isEmpty else { throw DiagnosticError(joining: faults) }
    return inputs
  }

  /// Opens checkpoints, the same base under several adapters only once.
  private static func open(
    _ paths: Set<String>
  ) -> [String: Result<Checkpoint, DiagnosticError>] {
    let paths = Array(paths)
    let opened = Mutex<[String: Result<Checkpoint, DiagnosticError>]>([:])
    // Headers of many models take their time, on a cold disk and on a warm one.
    DispatchQueue.concurrentPerform(iterations: paths.count) { place in
      let result: Result<Checkpoint, DiagnosticError>
      do throws(DiagnosticError) {
        result = .success(try CheckpointReader.open(paths[place]))
      } catch {
        result = .failure(error)
      }
      opened.withLock { $0[paths[place]] = result }
    }
    return opened.withLock { $0 }
  }

  /// Refuses what cannot be merged, and applies adapters.
  private func prepare(
    _ checkpoint: Checkpoint, for model: Located<ModelReference>, of recipe: MergeRecipe
  ) throws(DiagnosticError) -> Checkpoint {
    if let quantization = checkpoint.configuration?.quantization {
      throw DiagnosticError([
        Diagnostic(
          file: recipe.file, at: model.position,
          "model '\(model.value)' is quantized (\(quantization)); its stored codes are not weights "
            + "that can be merged",
          hint: "use the unquantized release of the model")
      ])
    }
    guard !model.value.adapters.isEmpty else { return checkpoint }
    return try apply(model.value.adapters, to: checkpoint, model, of: recipe)
  }

  /// Opens the adapters of a model and applies them.
  private func apply(
    _ references: [AdapterReference], to checkpoint: Checkpoint,
    _ model: Located<ModelReference>, of recipe: MergeRecipe
  ) throws(DiagnosticError) -> Checkpoint {
    var adapters: [WeightedAdapter] = []
    var faults: [DiagnosticError] = []
    for reference in references {
      do throws(DiagnosticError) {
        let adapter = try AdapterReader.open(try resolver.resolve(reference))
        adapters.append(
          WeightedAdapter(
            adapter, weight: reference.weight ?? 1, name: reference.description))
      } catch {
        faults.append(error.located(at: model.position, of: recipe.file))
      }
    }
    guard faults.isEmpty else { throw DiagnosticError(joining: faults) }
    do throws(DiagnosticError) {
      return try checkpoint.applying(adapters, named: model.value.path, ties: options.ties)
    } catch {
      throw error.located(at: model.position, of: recipe.file)
    }
  }

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
