import Dispatch
import Safetensors
import Synchronization

/// Opens the models that a recipe names, each once, with their adapters applied.
struct ModelOpening {
  private let recipe: MergeRecipe
  private let resolver: any ModelResolver
  private let ties: TiedPairPolicy
  /// The models, in the order in which the recipe first names them.
  private let models: [Located<ModelReference>]

  /// Looks through a recipe.
  ///
  /// - Parameters:
  ///   - recipe: the recipe.
  ///   - resolver: finds models and adapters.
  ///   - ties: what is done when adapters change one use of a tensor that a model ties.
  init(_ recipe: MergeRecipe, resolver: any ModelResolver, ties: TiedPairPolicy) {
    self.recipe = recipe
    self.resolver = resolver
    self.ties = ties
    var seen = Set<ModelReference>()
    models = recipe.modelMentions.map(\.model).filter { seen.insert($0.value).inserted }
  }

  /// Opens them.
  ///
  /// - Returns: the inputs of the plan, in the order in which the recipe first names them.
  /// - Throws: ``DiagnosticError`` with what is wrong with any of them.
  func inputs() throws(DiagnosticError) -> [PlannedInput] {
    let paths = models.map { model in
      Result { () throws(DiagnosticError) in try path(of: model) }
    }
    // The same base under several adapters is opened once.
    var places: [String: Int] = [:]
    var distinct: [String] = []
    for case .success(let path) in paths where places[path] == nil {
      places[path] = distinct.count
      distinct.append(path)
    }
    // Headers of many models take their time, on a cold disk and on a warm one.
    let files = distinct
    let checkpoints = Self.concurrently(files.count) { place throws(DiagnosticError) in
      try CheckpointReader.open(files[place])
    }
    let known = places
    let results = Self.concurrently(models.count) { place throws(DiagnosticError) in
      let path = try paths[place].get()
      guard let checkpoint = known[path].flatMap({ checkpoints[$0] }) else {
        preconditionFailure("every path was opened")
      }
      return try prepared(try checkpoint.get(), models[place])
    }
    return try collected(results)
  }

  private func collected(
    _ results: [Result<Checkpoint, DiagnosticError>?]
  ) throws(DiagnosticError) -> [PlannedInput] {
    let bases = Set(recipe.modelMentions.filter { $0.role == .base }.map(\.model.value))
    var inputs: [PlannedInput] = []
    var faults: [DiagnosticError] = []
    var told = Set<[Diagnostic]>()
    for (model, result) in zip(models, results) {
      switch result {
      case .success(let checkpoint):
        inputs.append(
          PlannedInput(
            reference: model.value, checkpoint: checkpoint, isBase: bases.contains(model.value)))
      case .failure(let error):
        // What is wrong with a base is wrong with it under each of its adapters.
        if told.insert(error.diagnostics).inserted { faults.append(error) }
      case nil: break
      }
    }
    guard faults.isEmpty else { throw DiagnosticError(joining: faults) }
    return inputs
  }

  private func path(of model: Located<ModelReference>) throws(DiagnosticError) -> String {
    do throws(DiagnosticError) {
      return try resolver.resolve(model.value)
    } catch {
      throw error.located(at: model.position, of: recipe.file)
    }
  }

  /// A checkpoint that can be merged, with its adapters applied.
  private func prepared(
    _ checkpoint: Checkpoint, _ model: Located<ModelReference>
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
    var adapters: [WeightedAdapter] = []
    var faults: [DiagnosticError] = []
    for reference in model.value.adapters {
      do throws(DiagnosticError) {
        adapters.append(
          WeightedAdapter(
            try AdapterReader.open(try resolver.resolve(reference)),
            weight: reference.weight ?? 1, name: reference.description))
      } catch {
        faults.append(error.located(at: model.position, of: recipe.file))
      }
    }
    guard faults.isEmpty else { throw DiagnosticError(joining: faults) }
    do throws(DiagnosticError) {
      return try checkpoint.applying(adapters, named: model.value.path, ties: ties)
    } catch {
      throw error.located(at: model.position, of: recipe.file)
    }
  }

  /// Does something for each place, on several threads.
  private static func concurrently<Value: Sendable>(
    _ count: Int, _ work: @Sendable (Int) throws(DiagnosticError) -> Value
  ) -> [Result<Value, DiagnosticError>?] {
    let results = Mutex([Result<Value, DiagnosticError>?](repeating: nil, count: count))
    DispatchQueue.concurrentPerform(iterations: count) { place in
      let result: Result<Value, DiagnosticError>
      do throws(DiagnosticError) {
        result = .success(try work(place))
      } catch {
        result = .failure(error)
      }
      results.withLock { $0[place] = result }
    }
    return results.withLock { $0 }
  }
}
