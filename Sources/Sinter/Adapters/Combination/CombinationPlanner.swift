import Safetensors
import SinterTensors

/// Pairs the modules of several adapters, resolves the parameters of each, and finds what has no
/// combination.
struct CombinationPlanner {
  let adapters: [Adapter]
  private let recipe: MergeRecipe
  private let method: CombinationMethod
  private let slice: OutputSlice
  private let seed: UInt64

  private(set) var modules: [CombinedModule] = []
  private(set) var kept: [KeptTensor] = []
  private(set) var faults: [Diagnostic] = []
  private(set) var remarks: [Diagnostic] = []
  private var weightsSeen: [Set<Double>]

  init(
    adapters: [Adapter], recipe: MergeRecipe, method: CombinationMethod, slice: OutputSlice,
    seed: UInt64
  ) {
    self.adapters = adapters
    self.recipe = recipe
    self.method = method
    self.slice = slice
    self.seed = seed
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
      refuse(adapter)
      for module in adapter.modules {
        if parts[module.name] == nil { order.append(module.name) }
        parts[module.name, default: adapters.map { _ in nil }][place] = module
      }
    }
    guard faults.isEmpty else { return }
    let layers = 1 + (order.compactMap { TensorAddress($0).layer?.index }.max() ?? 0)
    for name in order {
      guard let own = parts[name], agree(name, own) else { continue }
      append(name, own, layers: layers)
    }
    keepWhole(factored: Set(order))
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

  /// Finds what of an adapter cannot be added to anything.
  private mutating func refuse(_ adapter: Adapter) {
    let file = adapter.file.path
    let merging =
      "merge models instead: a recipe of 'BASE+ADAPTER' models applies it to the weights"
    var seen: Set<String> = []
    func isFirst(_ kind: String) -> Bool { seen.insert(kind).inserted }
    for module in adapter.modules {
      if let magnitude = module.magnitude, isFirst("magnitude") {
        fail(
          "tensor '\(magnitude.name)': the magnitudes of DoRA belong to a base's weights and have "
            + "no sum", file: file, hint: merging)
      }
      if let bias = module.bias, isFirst("bias") {
        fail(
          "tensor '\(bias.name)': biases of factors ('lora_bias') are not combined", file: file,
          hint: merging)
      }
      switch module.kind {
      case .linear, .embedding, .convolution: break
      case .parameter, .switchLinear:
        guard isFirst("experts") else { continue }
        fail(
          "'\(module.target)': factors of packed experts are not combined", file: file,
          hint: merging)
      }
    }
    if let rows = adapter.tokenRows.first {
      fail(
        "tensor '\(rows.tensor.name)': rows of trained tokens ('trainable_token_indices') are not "
          + "combined", file: file, hint: merging)
    }
  }

  /// Whether the updates of a module are of the same weight.
  private mutating func agree(_ name: String, _ parts: [AdapterModule?]) -> Bool {
    let present = zip(adapters, parts).compactMap { adapter, part in part.map { (adapter, $0) } }
    guard let (reference, first) = present.first else { return false }
    for (adapter, part) in present.dropFirst() {
      let isSame =
        part.kind == first.kind && part.inputs == first.inputs && part.outputs == first.outputs
        && Self.kernel(part) == Self.kernel(first)
      guard !isSame else { continue }
      fail(
        "'\(name)': the factors A \(part.a.shape) and B \(part.b.shape) are for "
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
    default: "\(module.inputs) inputs and \(module.outputs) outputs"
    }
  }

  // MARK: Modules

  private mutating func append(_ name: String, _ parts: [AdapterModule?], layers: Int) {
    guard let first = parts.lazy.compactMap(\.self).first else { return }
    let fraction =
      TensorAddress(first.target).layer.map { LayerFraction.of(layer: $0.index, count: layers) }
      ?? LayerFraction.outsideLayers
    do throws(RecipeFault) {
      let parameters = try parameters(of: first.target, at: fraction)
      for place in adapters.indices {
        weightsSeen[place].insert(parameters.number("weight", input: place) ?? 1)
      }
      let group = MergeGroup(
        tensor: first.target, shape: [first.outputs, first.inputs], inputs: ["zero"] + names,
        hasBase: true,
        parameters: GroupParameters(
          tensor: parameters.tensor, inputs: [[:]] + parameters.inputs), seed: seed)
      do throws(MethodFault) {
        let (step, method) = try step(group, parameters)
        modules.append(
          CombinedModule(name: name, parts: parts, step: step, surveying: method))
      } catch {
        report(
          Diagnostic(
            file: recipe.file, at: slice.position, "'\(name)': \(error.message)",
            hint: error.hint))
      }
    } catch {
      report(error.diagnostic(file: recipe.file, at: slice.position))
    }
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

  // MARK: Tensors that are stored whole

  private mutating func keepWhole(factored: Set<String>) {
    var order: [String] = []
    var holders: [String: [Int]] = [:]
    for (place, adapter) in adapters.enumerated() {
      for replacement in adapter.replacements {
        if holders[replacement.target] == nil { order.append(replacement.target) }
        holders[replacement.target, default: []].append(place)
      }
    }
    for target in order { keep(target, of: holders[target] ?? [], factored) }
    guard !kept.isEmpty, faults.isEmpty else { return }
    remarks.append(
      Diagnostic(
        .note,
        "\(CountText.of(kept.count, "tensor")) that adapters store whole, such as "
          + "'\(kept[0].target)', \(kept.count == 1 ? "is" : "are") taken over as stored"))
  }

  private mutating func keep(_ target: String, of holders: [Int], _ factored: Set<String>) {
    let found = holders.compactMap { place in
      adapters[place].replacements.first { $0.target == target }
        .map { (adapter: adapters[place], tensor: $0.tensor) }
    }
    guard let first = found.first else { return }
    let name = first.tensor.name
    let merging = "merge models instead: a recipe of 'BASE+ADAPTER' models can weigh it"
    let owner = ModuleGrouping.owner(of: target)
    let isBias = factored.contains(owner) && target.hasSuffix(".bias")
    if factored.contains(owner), !isBias {
      fail(
        "tensor '\(name)' takes the place of a weight to which another adapter adds factors",
        file: first.adapter.file.path, hint: merging)
      return
    }
    if target.hasSuffix(".bias"), !isBias, !storesWeight(owner, holders) {
      fail(
        "tensor '\(name)' is the bias of a module without factors, which is not combined",
        file: first.adapter.file.path, hint: merging)
      return
    }
    for place in holders where weightsSeen[place] != [1] {
      fail(
        "tensor '\(name)' is stored whole and can only be taken over with the weight 1, not with "
          + "that of '\(names[place])'", file: adapters[place].file.path, hint: merging)
      return
    }
    for other in found.dropFirst() where !isSame(first, other) {
      fail(
        "tensor '\(other.tensor.name)' is stored whole and differs from that of "
          + "'\(first.adapter.path)'; without the base there is no mean of the two",
        file: other.adapter.file.path, hint: merging)
      return
    }
    kept.append(
      KeptTensor(
        target: target, storedName: isBias ? owner + ".base_layer.bias" : target,
        tensor: first.tensor, file: first.adapter.file.input, isBias: isBias))
  }

  private func storesWeight(_ module: String, _ holders: [Int]) -> Bool {
    holders.contains { place in
      adapters[place].replacements.contains { $0.target == module + ".weight" }
    }
  }

  private mutating func isSame(
    _ first: (adapter: Adapter, tensor: CheckpointTensor),
    _ second: (adapter: Adapter, tensor: CheckpointTensor)
  ) -> Bool {
    guard first.tensor.dtype == second.tensor.dtype, first.tensor.shape == second.tensor.shape
    else { return false }
    do throws(SafetensorsError) {
      let step = 1 << 20
      for start in stride(from: 0, to: first.tensor.byteCount, by: step) {
        let end = min(start + step, first.tensor.byteCount)
        let (left, right) = (first.tensor.bytes.lowerBound, second.tensor.bytes.lowerBound)
        let own = try first.adapter.file.input.bytes(in: left + start..<left + end)
        let other = try second.adapter.file.input.bytes(in: right + start..<right + end)
        if own != other { return false }
      }
    } catch {
      faults += DiagnosticError(error).diagnostics
    }
    return true
  }

  // MARK: Remarks

  private mutating func remark() {
    let partial = modules.filter { $0.parts.contains { $0 == nil } }
    guard let first = partial.first else { return }
    let holders = first.parts.indices.filter { first.parts[$0] != nil }
    remarks.append(
      Diagnostic(
        .note,
        "\(CountText.of(partial.count, "module")) of \(modules.count) "
          + "\(partial.count == 1 ? "is" : "are") changed by some of the adapters only; the others "
          + "count as zero there ('\(first.name)' is changed by "
          + holders.map { "'\(names[$0])'" }.joined(separator: ", ") + ")"))
  }
}
