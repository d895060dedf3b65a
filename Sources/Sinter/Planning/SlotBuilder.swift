/// Lays out the output: from slices and the structure of their models to a list of slots.
struct SlotBuilder {
  private let slices: [OutputSlice]
  private let structures: [ModelReference: ModelStructure]
  /// Those of models whose own names are others than the donor's.
  private let aligned: [ModelReference: ModelStructure]
  private let donor: ModelReference
  private let file: String

  private(set) var slots: [OutputSlot] = []
  private(set) var stacks: [StackedLayers] = []
  private(set) var diagnostics: [Diagnostic] = []
  private(set) var remarks: [Diagnostic] = []
  /// The modules of the recipe, and which one a tensor of each model belongs to.
  private var moduleNames: [ModelReference: ModuleNames] = [:]
  /// The prefixes of the stacks that were sliced.
  private var slicedStacks: [ModelReference: Set<String>] = [:]

  init(
    _ slices: [OutputSlice], structures: [ModelReference: ModelStructure],
    donor: ModelReference, file: String
  ) {
    self.slices = slices
    self.structures = structures
    aligned = structures.filter { $0.value.alignment != nil }
    self.donor = donor
    self.file = file
    remarkAlignments()
    findModules()
    var modules: [(module: Int?, slices: [Int])] = []
    for (place, slice) in slices.enumerated() {
      let module = moduleIndex(slice)
      if let last = modules.indices.last, modules[last].module == module {
        modules[last].slices.append(place)
      } else {
        modules.append((module, [place]))
      }
    }
    for (module, places) in modules {
      if let first = places.first, slices[first].isWhole {
        addWhole(first, module: module)
      } else {
        addStack(places, module: module)
      }
    }
  }

  private mutating func remarkAlignments() {
    var seen = Set<ModelReference>()
    for slice in slices {
      for input in slice.inputs where seen.insert(input.model.value).inserted {
        guard let alignment = structures[input.model.value]?.alignment else { continue }
        let list = alignment.substitutions.map(\.description).joined(separator: ", ")
        remarks.append(
          Diagnostic(
            .note,
            "'\(input.model.value)' names its tensors in another way than '\(donor)' and is read "
              + "with the latter's names: from \(list)"))
      }
    }
  }

  // MARK: - Modules

  private var recipeModules: [String] {
    var names: [String] = []
    for slice in slices {
      if let name = slice.module?.value, !names.contains(name) { names.append(name) }
    }
    return names
  }

  private func moduleIndex(_ slice: OutputSlice) -> Int? {
    slice.module.flatMap { recipeModules.firstIndex(of: $0.value) }
  }

  private mutating func findModules() {
    let names = recipeModules
    guard !names.isEmpty else { return }
    for (reference, structure) in structures {
      moduleNames[reference] = ModuleNames(names, tensors: structure.addresses.map(\.name))
    }
    guard let unknown = moduleNames[donor]?.unknown else { return }
    for module in unknown {
      let position = slices.first { moduleIndex($0) == module }?.module?.position
      let known = moduleNames[donor]?.known.map { "'\($0)'" } ?? []
      diagnostics.append(
        Diagnostic(
          file: file, at: position, "model '\(donor)' has no module '\(names[module])'",
          hint: (known.isEmpty ? "" : "it has \(known.joined(separator: ", ")); ")
            + "a module can also be named by the prefix of its tensors"))
    }
  }

  /// The addresses of a model's tensors that belong to a module.
  private func addresses(of model: ModelReference, module: Int?) -> [TensorAddress] {
    guard let structure = structures[model] else { return [] }
    guard let module, let names = moduleNames[model] else { return structure.addresses }
    return structure.addresses.filter { names.module(of: $0.name) == module }
  }

  /// Why the recipe leaves a tensor out, or `nil` when nothing in it says so.
  func exclusion(
    of address: TensorAddress, from model: ModelReference
  ) -> Ledger.ExclusionReason? {
    let own = slices.filter { slice in slice.inputs.contains { $0.model.value == model } }
    if own.isEmpty { return .configurationOnly }
    let module = moduleNames[model]?.module(of: address.name)
    if moduleNames[model] != nil {
      guard let module else { return nil }
      if !own.contains(where: { moduleIndex($0) == module }) { return .otherModule }
    }
    guard own.contains(where: { !$0.isWhole && moduleIndex($0) == module }) else { return nil }
    let isInStack = address.layer.map { slicedStacks[model]?.contains($0.stack) == true } ?? false
    return isInStack ? .layerNotSelected : .otherSlice
  }

  // MARK: - Whole models

  /// The inputs of a slice with the one that gives names first: the donor if it is among them,
  /// else the base, else the first.
  private func namingOrder(_ slice: OutputSlice) -> [OutputSlice.Input] {
    let first =
      slice.inputs.firstIndex { $0.model.value == donor }
      ?? slice.inputs.firstIndex(where: \.isBase) ?? 0
    return [slice.inputs[first]]
      + slice.inputs.enumerated().filter { $0.offset != first }.map(\.element)
  }

  /// The models of a slice, the one that gives names first.
  private func namingModels(_ slice: OutputSlice) -> [ModelReference] {
    var seen = Set<ModelReference>()
    return namingOrder(slice).map(\.model.value).filter { seen.insert($0).inserted }
  }

  private mutating func addWhole(_ place: Int, module: Int?) {
    let slice = slices[place]
    var seen = Set<String>()
    for model in namingModels(slice) {
      guard let structure = structures[model] else { continue }
      for address in addresses(of: model, module: module)
      where seen.insert(address.name).inserted {
        slots.append(
          OutputSlot(
            name: address.name, slice: place, fraction: structure.fraction(of: address),
            candidates: candidates(slice, name: address.name),
            role: address.layer == nil ? TensorRole(address.name) : nil, pattern: nil))
      }
    }
  }

  /// The name that a model itself gives a tensor.
  private func ownName(of name: String, in model: ModelReference) -> String {
    aligned.isEmpty ? name : aligned[model]?.ownName(of: name) ?? name
  }

  /// The tensors of one name, each with the name that its own model gives it.
  private func candidates(_ slice: OutputSlice, name: String) -> [OutputSlot.Candidate] {
    slice.inputs.enumerated().map { index, input in
      .init(sliceInput: index, name: ownName(of: name, in: input.model.value))
    }
  }
}

// MARK: - Layer stacks

extension SlotBuilder {
  private mutating func addStack(_ places: [Int], module: Int?) {
    guard let first = places.first, let last = places.last else { return }
    var stacks: [ModelReference: LayerStack] = [:]
    for place in places {
      for input in slices[place].inputs where stacks[input.model.value] == nil {
        stacks[input.model.value] = stack(of: input, module: module)
      }
    }
    guard diagnostics.isEmpty, let pattern = pattern(module: module, first: first, stacks) else {
      return
    }
    for (model, stack) in stacks { slicedStacks[model, default: []].insert(stack.prefix) }
    addLoose(first, pattern, stacks) { $0 == .before }
    var output = 0
    var taken: [(model: ModelReference, layer: Int)] = []
    for place in places {
      guard let range = slices[place].inputs.first?.layerRange?.value else { continue }
      for offset in 0..<range.count {
        let fraction = LayerFraction.of(layer: offset, count: range.count)
        addLayer(place, as: output, fraction: fraction, pattern, stacks, isCounted: true) {
          input, _ in
          (input.layerRange?.value.lowerBound ?? 0) + offset
        }
        taken.append((slices[place].inputs[0].model.value, range.lowerBound + offset))
        output += 1
      }
    }
    addExtraLayers(last, from: output, pattern, stacks)
    addLoose(last, pattern, stacks) { $0 != .before }
    self.stacks.append(StackedLayers(key: pattern.stack.key, layers: taken))
    remarkUnstatedCount(pattern.stack, layers: output)
  }

  /// What all layers of a module's output have to look like: the configuration that describes them
  /// is that of one model.
  private struct StackPattern {
    let module: Int?
    let model: ModelReference
    let stack: LayerStack
    /// The names of the model's tensors by what stands behind the layer number.
    let names: [String: [String]]
    /// What stands behind the number in each of the model's layers that are counted.
    let required: [String]
  }

  /// The pattern of a module: the donor, whether it gives layers or not, or, if it has no such
  /// stack, the first model of the first slice.
  private func pattern(
    module: Int?, first: Int, _ stacks: [ModelReference: LayerStack]
  ) -> StackPattern? {
    let donorStack = stacks[donor] ?? foundStacks(of: donor, module: module).only
    let model = donorStack == nil ? slices[first].inputs.first?.model.value : donor
    guard let model, let stack = donorStack ?? stacks[model], let structure = structures[model]
    else { return nil }
    var names: [String: [String]] = [:]
    var counted: [String: Int] = [:]
    var order: [String] = []
    for address in structure.addresses {
      guard let layer = address.layer, layer.stack == stack.prefix else { continue }
      names[layer.suffix, default: []].append(structure.ownName(of: address.name))
      guard layer.index < stack.count else { continue }
      if counted[layer.suffix] == nil { order.append(layer.suffix) }
      counted[layer.suffix, default: 0] += 1
    }
    return StackPattern(
      module: module, model: model, stack: stack, names: names,
      required: order.filter { counted[$0] == stack.count })
  }

  private func foundStacks(of model: ModelReference, module: Int?) -> [LayerStack] {
    let prefixes = Set(addresses(of: model, module: module).compactMap(\.layer?.stack))
    return structures[model]?.stacksToSlice(among: prefixes) ?? []
  }

  /// The stack of a model that slices cut, checked against the range of layers.
  private mutating func stack(of input: OutputSlice.Input, module: Int?) -> LayerStack? {
    let model = input.model.value
    let found = foundStacks(of: model, module: module)
    guard let stack = found.only else {
      let list = found.map { "'\($0.prefix.dropLast())' (\($0.count) layers)" }
      let fault = Diagnostic(
        file: file, at: input.position,
        found.isEmpty
          ? "model '\(model)' has no numbered layers that could be sliced"
          : "model '\(model)' has several stacks of layers: \(list.joined(separator: ", "))",
        hint: found.isEmpty ? nil : "give the slices of each under 'modules:'")
      if !diagnostics.contains(where: { $0.message == fault.message }) { diagnostics.append(fault) }
      return nil
    }
    for slice in slices {
      for other in slice.inputs where other.model.value == model && moduleIndex(slice) == module {
        guard let range = other.layerRange, range.value.upperBound > stack.count else { continue }
        diagnostics.append(
          Diagnostic(
            file: file, at: range.position,
            "layer_range ends at \(range.value.upperBound), but model '\(model)' has "
              + "\(stack.count) \(stack.count == 1 ? "layer" : "layers")",
            hint: "the end is not included: [0, \(stack.count)] takes all layers"))
      }
    }
    return stack
  }

  private mutating func addLayer(
    _ place: Int, as output: Int, fraction: Double, _ pattern: StackPattern,
    _ stacks: [ModelReference: LayerStack], isCounted: Bool,
    _ layer: (OutputSlice.Input, LayerStack) -> Int
  ) {
    let slice = slices[place]
    var seen = Set<String>()
    var suffixes: [String] = []
    for input in namingOrder(slice) {
      guard let own = stacks[input.model.value] else { continue }
      suffixes +=
        (structures[input.model.value]?.suffixes(ofLayer: layer(input, own), in: own.prefix) ?? [])
        .filter { seen.insert($0).inserted }
    }
    if isCounted, !slice.inputs.contains(where: { $0.model.value == pattern.model }) {
      suffixes += pattern.required.filter { seen.insert($0).inserted }
    }
    for suffix in suffixes {
      let candidates = slice.inputs.enumerated().map { index, input in
        let stack = stacks[input.model.value] ?? pattern.stack
        let name = "\(stack.prefix)\(layer(input, stack))\(suffix)"
        return OutputSlot.Candidate(
          sliceInput: index, name: ownName(of: name, in: input.model.value))
      }
      slots.append(
        OutputSlot(
          name: "\(pattern.stack.prefix)\(output)\(suffix)", slice: place, fraction: fraction,
          candidates: candidates, role: nil,
          pattern: .init(model: pattern.model, names: pattern.names[suffix] ?? [])))
    }
  }

  /// Adds the layers that are stored behind the last one that counts: they predict several tokens
  /// and go with the end of the stack.
  private mutating func addExtraLayers(
    _ place: Int, from output: Int, _ pattern: StackPattern,
    _ stacks: [ModelReference: LayerStack]
  ) {
    let extra =
      slices[place].inputs.compactMap { stacks[$0.model.value] }
      .map { $0.storedCount - $0.count }.max() ?? 0
    for offset in 0..<extra {
      addLayer(place, as: output + offset, fraction: 1, pattern, stacks, isCounted: false) {
        $1.count + offset
      }
    }
  }

  /// Adds the tensors outside the sliced stack that come before or behind it.
  ///
  /// What the pattern has is wanted too: a model that lacks its output head may stand for it with
  /// its embedding.
  private mutating func addLoose(
    _ place: Int, _ pattern: StackPattern, _ stacks: [ModelReference: LayerStack],
    _ belongs: (TensorRole) -> Bool
  ) {
    let slice = slices[place]
    let known = Set(structures[pattern.model]?.addresses.map(\.name) ?? [])
    var seen = Set<String>()
    var models = namingModels(slice)
    if !models.contains(pattern.model) { models.append(pattern.model) }
    for model in models {
      let own = stacks[model] ?? (model == pattern.model ? pattern.stack : nil)
      for address in addresses(of: model, module: pattern.module) {
        if let layer = address.layer, layer.stack == own?.prefix { continue }
        let role = TensorRole(address.name)
        guard belongs(role), seen.insert(address.name).inserted else { continue }
        let isKnown = known.contains(address.name)
        slots.append(
          OutputSlot(
            name: address.name, slice: place,
            fraction: structures[model]?.fraction(of: address) ?? LayerFraction.outsideLayers,
            candidates: candidates(slice, name: address.name),
            role: address.layer == nil ? role : nil,
            pattern: .init(
              model: pattern.model,
              names: isKnown
                ? [structures[pattern.model]?.ownName(of: address.name) ?? address.name] : [])))
      }
    }
  }

  /// Says so when the number of layers changes and the configuration cannot be told.
  private mutating func remarkUnstatedCount(_ stack: LayerStack, layers: Int) {
    guard stack.key == nil, layers != stack.count,
      structures[donor]?.checkpoint.configuration != nil
    else { return }
    remarks.append(
      Diagnostic(
        .warning,
        "the configuration of '\(donor)' does not say how many layers '\(stack.prefix.dropLast())' "
          + "has; it is left as it is, though the output has \(layers)"))
  }
}

extension [LayerStack] {
  /// The only element, `nil` when there are none or several.
  fileprivate var only: LayerStack? { count == 1 ? first : nil }
}
