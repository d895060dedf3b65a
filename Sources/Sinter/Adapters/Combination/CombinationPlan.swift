import Safetensors
public import SinterTensors

/// What a combination of adapters will read, compute and write: made from headers, and from the
/// bytes of tensors that adapters store whole.
public struct CombinationPlan: Sendable {
  /// The adapters, in the order of the recipe.
  public let adapters: [Adapter]
  /// What the recipe calls them.
  public let names: [String]
  /// The weight of each adapter, where one number holds for all modules.
  public let weights: [Double?]
  /// The name of the method.
  public let method: String
  /// How they are combined, beside what the recipe says.
  public let options: CombinationOptions
  /// The element type of the factors.
  public let dtype: DType
  /// What is worth knowing.
  public let remarks: [Diagnostic]

  /// The modules, in the order in which the adapters have them.
  let modules: [CombinedModule]
  /// The tensors that are taken over whole.
  let kept: [KeptTensor]
  /// How the memory is divided.
  let budget: CombinationBudget
  /// What the configuration of the output has of those of the adapters.
  let origin: CombinationOrigin

  /// Plans a combination.
  ///
  /// - Parameters:
  ///   - recipe: a recipe that was read with the declarations of ``CombinationMethod``; its models
  ///     are adapters, and it has no base.
  ///   - resolver: finds the adapters.
  ///   - options: how they are combined, beside what the recipe says.
  /// - Throws: ``DiagnosticError`` with all faults: adapters that do not exist or are damaged,
  ///   modules that differ in shape, what has no sum (DoRA, tensors stored whole that differ),
  ///   parameters that cannot be used, too little memory.
  public init(
    recipe: MergeRecipe, resolver: any ModelResolver, options: CombinationOptions
  ) throws(DiagnosticError) {
    let reading = CombinationRecipe(recipe)
    guard reading.faults.isEmpty, let method = reading.method, let slice = reading.slice else {
      throw DiagnosticError(reading.faults)
    }
    let adapters = try Self.open(slice.inputs, resolver)
    var planner = CombinationPlanner(
      adapters: adapters, recipe: recipe, method: method, slice: slice, options: options)
    planner.plan()
    self.adapters = adapters
    names = planner.names
    weights = planner.weights
    self.method = method.declaration.name
    self.options = options
    dtype = options.dtype ?? recipe.outDtype?.value ?? recipe.dtype?.value ?? .float32
    modules = planner.modules
    kept = planner.kept
    budget = CombinationBudget(planner.modules, options)
    var faults = planner.faults
    if dtype == .float64 {
      faults.append(
        Diagnostic(.error, "an adapter is stored as float32, bfloat16 or float16, not as float64"))
    }
    if let fault = budget.fault { faults.append(fault) }
    do throws(DiagnosticError) {
      origin = try CombinationOrigin(adapters, modules: planner.modules)
    } catch {
      throw DiagnosticError(faults + error.diagnostics)
    }
    guard faults.isEmpty else { throw DiagnosticError(faults) }
    remarks = adapters.flatMap(\.remarks) + origin.remarks + planner.remarks
  }

  /// Opens the adapters; the faults of all are told together.
  private static func open(
    _ inputs: [OutputSlice.Input], _ resolver: any ModelResolver
  ) throws(DiagnosticError) -> [Adapter] {
    var adapters: [Adapter] = []
    var errors: [DiagnosticError] = []
    for input in inputs {
      let model = input.model.value
      do throws(DiagnosticError) {
        let path = try resolver.resolve(
          AdapterReference(path: model.path, revision: model.revision))
        adapters.append(try AdapterReader.open(path))
      } catch {
        errors.append(error)
      }
    }
    guard errors.isEmpty else { throw DiagnosticError(joining: errors) }
    return adapters
  }

  /// About how many bytes the adapter's weight file takes.
  var estimatedByteCount: Int {
    modules.reduce(0) { sum, module in
      let rank = min(options.rank ?? module.rank, max(module.rank, 1))
      let numbers = module.experts * rank * (module.inputs + module.outputs)
      return sum + numbers * dtype.bitWidth / 8
    } + kept.reduce(0) { $0 + $1.tensor.byteCount }
  }
}

/// A recipe, read as one for adapters.
struct CombinationRecipe {
  private(set) var method: CombinationMethod?
  private(set) var slice: OutputSlice?
  private(set) var faults: [Diagnostic] = []
  private let recipe: MergeRecipe

  init(_ recipe: MergeRecipe) {
    self.recipe = recipe
    guard let method = CombinationMethod.named(recipe.method.value) else {
      fail(
        at: recipe.method.position, "unknown method '\(recipe.method.value)'",
        Suggestion.hint(
          for: recipe.method.value, in: CombinationMethod.declarations.map(\.name),
          others: "the methods for adapters are"))
      return
    }
    self.method = method
    guard case .models = recipe.body else {
      fail(
        at: recipe.bodyPosition, "adapters are combined as a whole, without slices and modules",
        "list them under 'models'")
      return
    }
    if let base = recipe.baseModel {
      fail(
        at: base.position, "adapters are combined without a base: their updates are differences",
        "remove 'base_model'; to merge models, use 'sinter merge'")
    }
    slice = recipe.outputSlices(base: .ignored).first
    for input in slice?.inputs ?? [] {
      let model = input.model.value
      if !model.adapters.isEmpty {
        fail(
          at: input.model.position, "'\(model)' is a model with an adapter, not an adapter",
          "name the adapter alone: 'model: \(model.adapters[0].path)'")
      } else if model.overrideArchitecture != nil {
        fail(at: input.model.position, "an adapter has no architecture to override", nil)
      }
    }
  }

  private mutating func fail(at position: SourcePosition, _ message: String, _ hint: String?) {
    faults.append(Diagnostic(file: recipe.file, at: position, message, hint: hint))
  }
}
