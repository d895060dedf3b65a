import Safetensors
import SinterTensors

/// Pairs the modules of several adapters, resolves the parameters of each, and finds what has no
/// combination.
struct CombinationPlanner {
  let adapters: [Adapter]
  private let recipe: MergeRecipe
  private let method: CombinationMethod
  private let slice: OutputSlice
  private let options: CombinationOptions

  private(set) var modules: [CombinedModule] = []
  private(set) var kept: [KeptTensor] = []
  private(set) var faults: [Diagnostic] = []
  private(set) var remarks: [Diagnostic] = []
  private var weightsSeen: [Set<Double>]

  init(
    adapters: [Adapter], recipe: MergeRecipe, method: CombinationMethod, slice: OutputSlice,
    options: CombinationOptions
  ) {
    self.adapters = adapters
    self.recipe = recipe
    self.method = method
    self.slice = slice
    self.options = options
    weightsSeen = adapters.map { _ in [] }
  }

  /// What the recipe calls the adapters.
  var names: [String] { slice.inputs.map { "\($0.model.value)" } }

  /// The weights that hold for all modules.
  var weights: [Double?] { weightsSeen.map { $0.count == 1 ? $0.first : nil } }

  /// Makes the plan.
  mutating func plan() {
    var order: [String] = []
    var parts: [String: [AdapterModule?]] = [:]
    for (place, adapter) in adapters.enumerated() {
      for module in adapter.modules {
        if parts[module.target] == nil { order.append(module.target) }
        parts[module.target, default: adapters.map { _ in nil }][place] = module
      }
    }
    refuseMixtures()
    guard faults.isEmpty else { return }
    let layers = 1 + (order.compactMap { TensorAddress($0).layer?.index }.max() ?? 0)
    for target in order {
      guard let own = parts[target], agree(own) else { continue }
      append(own, layers: layers)
    }
    keepWhole()
    guard faults.isEmpty else { return }
    if modules.isEmpty {
      fail("the adapters have no factors: there is nothing to combine")
    }
    remark()
  }

  private mutating func fail(_ message: String, file: String? = nil, hint: String? = nil) {
    faults.append(Diagnostic(file: file, message, hint: hint))
  }

  // MARK: What has no combination

  private static let merging =
    "merge models instead: a recipe of 'BASE+ADAPTER' models applies it to the weights"

  /// Whether the result has biases of B: then all its modules have them.
  private var hasFactorBias: Bool { adapters.contains { $0.configuration.hasFactorBias } }

  /// Finds what no adapter of PEFT can have together.
  private mutating func refuseMixtures() {
    for adapter in adapters where hasFactorBias {
      guard let module = adapter.modules.first(where: { !$0.canHaveBias }) else { continue }
      fail(
        "'\(module.label)': \(Self.noun(module)) cannot have factors in an adapter of PEFT with "
          + "biases of B ('lora_bias')", file: adapter.file.path, hint: Self.merging)
    }
    if hasFactorBias, case .sharedBasis = method.arithmetic {
      fail(
        "biases of B ('lora_bias') have no basis to share, so that "
          + "'\(method.declaration.name)' does not combine them", hint: "choose another method")
    }
    let packed = adapters.filter(\.laysOutExperts)
    if !packed.isEmpty, let turned = adapters.first(where: \.configuration.isFanInFanOut) {
      fail(
        "an adapter of PEFT cannot have factors of packed experts, which '\(packed[0].path)' has, "
          + "and 'fan_in_fan_out'", file: turned.file.path, hint: Self.merging)
    }
    let old = packed.first { $0.configuration.laysOutExpertsOldWay }
    let new = packed.first { !$0.configuration.laysOutExpertsOldWay }
    guard let old, let new else { return }
    fail(
      "the factors of packed experts are laid out as PEFT did before version 0.19, those of "
        + "'\(new.path)' as it does since", file: old.file.path, hint: Self.merging)
  }

  /// Whether the updates of a module are of the same weight.
  private mutating func agree(_ parts: [AdapterModule?]) -> Bool {
    let present = zip(adapters, parts).compactMap { adapter, part in part.map { (adapter, $0) } }
    guard let (reference, first) = present.first else { return false }
    for (adapter, part) in present.dropFirst() {
      let isSame =
        part.isAlike(first) && part.inputs == first.inputs && part.outputs == first.outputs
        && part.experts == first.experts && Self.kernel(part) == Self.kernel(first)
      guard !isSame else { continue }
      fail(
        "'\(part.label)': the factors A \(part.a.shape) and B \(part.b.shape) are for "
          + "\(Self.text(part)), those of '\(reference.path)' for \(Self.text(first))",
        file: adapter.file.path, hint: "combine adapters of one base model")
      return false
    }
    return true
  }

  private static func kernel(_ module: AdapterModule) -> [Int] {
    module.kind == .convolution ? Array(module.a.shape.dimensions.dropFirst()) : []
  }

  private static func text(_ module: AdapterModule) -> String {
    switch module.kind {
    case .embedding: "an embedding of \(module.inputs) entries and \(module.outputs) features"
    case .convolution:
      "a convolution of \(module.outputs) outputs and the kernel \(Shape(kernel(module)))"
    case .parameter, .switchLinear:
      "\(CountText.of(module.experts, "expert")) of \(module.inputs) inputs and "
        + "\(module.outputs) outputs"
    case .linear: "\(module.inputs) inputs and \(module.outputs) outputs"
    }
  }

  private static func noun(_ module: AdapterModule) -> String {
    module.kind == .embedding ? "an embedding" : "a parameter"
  }

  // MARK: Modules

  private mutating func append(_ parts: [AdapterModule?], layers: Int) {
    guard let first = parts.lazy.compactMap(\.self).first else { return }
    let (rows, columns) = (first.outputs, first.inputs)
    guard
      let (step, surveyed) = resolve(
        first.target, first.experts > 1 ? [first.experts, rows, columns] : [rows, columns],
        of: first.label, layers: layers)
    else { return }
    var bias: CombinedModule.Step?
    if hasFactorBias, first.canHaveBias {
      bias = resolve(first.name + ".bias", [rows], of: first.label, layers: layers)?.step
    }
    modules.append(CombinedModule(parts: parts, step: step, bias: bias, surveying: surveyed))
  }

  /// What is computed for one tensor of the model, and the method that surveys it; `nil` when its
  /// parameters cannot be used.
  private mutating func resolve(
    _ tensor: String, _ shape: Shape, of label: String, layers: Int
  ) -> (step: CombinedModule.Step, surveyed: (any MergeMethod)?)? {
    let fraction =
      TensorAddress(tensor).layer.map { LayerFraction.of(layer: $0.index, count: layers) }
      ?? LayerFraction.outsideLayers
    do throws(RecipeFault) {
      let parameters = try parameters(of: tensor, at: fraction)
      for place in adapters.indices {
        weightsSeen[place].insert(parameters.number("weight", input: place) ?? 1)
      }
      let group = MergeGroup(
        tensor: tensor, shape: shape, inputs: ["zero"] + names, hasBase: true,
        parameters: GroupParameters(
          tensor: parameters.tensor, inputs: [[:]] + parameters.inputs), seed: options.seed)
      do throws(MethodFault) {
        return try step(group, parameters)
      } catch {
        report(
          Diagnostic(
            file: recipe.file, at: slice.position, "'\(label)': \(error.message)",
            hint: error.hint))
      }
    } catch {
      report(error.diagnostic(file: recipe.file, at: slice.position))
    }
    return nil
  }

  /// The parameters of the method for one tensor; an input for each adapter.
  private func parameters(
    of tensor: String, at fraction: Double
  ) throws(RecipeFault) -> GroupParameters {
    var shared: [String: ParameterValue] = [:]
    var own = [[String: ParameterValue]](repeating: [:], count: adapters.count)
    for parameter in method.declaration.parameters {
      switch parameter.scope {
      case .tensor:
        shared[parameter.name] = try slice.parameters.value(
          of: parameter, for: tensor, at: fraction)
      case .input, .nonBase:
        for (place, input) in slice.inputs.enumerated() {
          own[place][parameter.name] = try input.parameters.value(
            of: parameter, for: tensor, at: fraction)
        }
      }
    }
    return GroupParameters(tensor: shared, inputs: own)
  }

  /// What is computed for a module, and the method that surveys its updates.
  private func step(
    _ group: MergeGroup, _ parameters: GroupParameters
  ) throws(MethodFault) -> (CombinedModule.Step, surveyed: (any MergeMethod)?) {
    switch method.arithmetic {
    case .sum:
      let weights = adapters.indices.map { parameters.number("weight", input: $0) ?? 1 }
      let sum = parameters.isOn("normalize") ? try WeightSum.divisor(of: weights) : 1
      let lambda = parameters.number("lambda") ?? 1
      return (.sum(weights.map { lambda * $0 / sum }), nil)
    case .elements(let type):
      let method = try type.init(group)
      try check(method)
      return (.elements(method), method)
    case .sharedBasis(let type):
      let method = try type.init(group)
      try check(method)
      return (.sharedBasis(type, group), method)
    }
  }

  /// Refuses what looks at all modules at once.
  private func check(_ method: some MergeMethod) throws(MethodFault) {
    guard method.surveyScope == .tensor else {
      throw MethodFault(
        "with these semantics elements are chosen from the whole model, which adapters are not",
        hint: "use the semantics 'mergekit' or 'peft'")
    }
  }

  /// Adds a fault of parameters, unless another module has the same.
  private mutating func report(_ fault: Diagnostic) {
    let isKnown = faults.contains { known in
      known.position == fault.position && Self.end(known.message) == Self.end(fault.message)
    }
    if !isKnown { faults.append(fault) }
  }

  /// A message without the name of the module that it begins with.
  private static func end(_ message: String) -> Substring {
    message.firstRange(of: "': ").map { message[$0.upperBound...] } ?? message[...]
  }

  // MARK: What is taken over as it is

  private mutating func keepWhole() {
    var planner = KeptTensorPlanner(
      adapters: adapters, names: names, weights: weightsSeen, modules: modules, options: options)
    planner.plan()
    kept = planner.kept
    faults += planner.faults
    guard faults.isEmpty else { return }
    remarks += planner.remarks
  }

  // MARK: Remarks

  private mutating func remark() {
    let without = modules.filter { module in
      module.bias != nil && module.parts.allSatisfy { $0?.bias == nil }
    }
    if let first = without.first {
      remarks.append(
        Diagnostic(
          .note,
          "\(CountText.of(without.count, "module")), such as '\(first.label)', "
            + "\(without.count == 1 ? "gets a bias" : "get biases") of B that "
            + "\(without.count == 1 ? "is" : "are") zero, because 'lora_bias' holds for all",
          hint: "PEFT uses such an adapter, but does not merge it, where the model has no bias"))
    }
    let partial = modules.filter { $0.parts.contains { $0 == nil } }
    guard let first = partial.first else { return }
    let holders = first.parts.indices.filter { first.parts[$0] != nil }
    remarks.append(
      Diagnostic(
        .note,
        "\(CountText.of(partial.count, "module")) of \(modules.count) "
          + "\(partial.count == 1 ? "is" : "are") changed by some of the adapters only; the others "
          + "count as zero there ('\(first.label)' is changed by "
          + holders.map { "'\(names[$0])'" }.joined(separator: ", ") + ")"))
  }
}

extension AdapterModule {
  /// Whether PEFT gives the second factor a bias where it is asked to.
  fileprivate var canHaveBias: Bool { kind == .linear || kind == .convolution }

  /// Whether the weight is of the same kind, whoever wrote the adapters.
  fileprivate func isAlike(_ other: AdapterModule) -> Bool {
    kind == other.kind || parameterName != nil && parameterName == other.parameterName
  }
}
