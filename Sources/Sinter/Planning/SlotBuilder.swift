/// Lays out the output: from slices and the structure of their models to a list of slots.
struct SlotBuilder {
  private let slices: [OutputSlice]
  private let structures: [ModelReference: ModelStructure]
  private let donor: ModelReference
  private let file: String

  private(set) var slots: [OutputSlot] = []
  private(set) var stacks: [StackedLayers] = []
  private(set) var diagnostics: [Diagnostic] = []
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
    self.donor = donor
    self.file = file
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
      diagnostics.append(
        Diagnostic(
          file: file, at: position, "model '\(donor)' has no module '\(names[module])'",
          hint: "name a module by the prefix of its tensors, such as "
            + "'\(structures[donor]?.stacks.keys.min()?.dropLast() ?? "model")'"))
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

  private mutating func addWhole(_ place: Int, module: Int?) {
    let slice = slices[place]
    var seen = Set<String>()
    for input in namingOrder(slice) {
      guard let structure = structures[input.model.value] else { continue }
      for address in addresses(of: input.model.value, module: module)
      where seen.insert(address.name).inserted {
        slots.append(
          OutputSlot(
            name: address.name, slice: place, fraction: structure.fraction(of: address),
            candidates: slice.inputs.indices.map { .init(sliceInput: $0, name: address.name) },
            role: address.layer == nil ? TensorRole(address.name) : nil))
      }
    }
  }

  // MARK: - Layer stacks

  private mutating func addStack(_ places: [Int], module: Int?) {
    guard let first = places.first, let last = places.last else { return }
    var stacks: [ModelReference: LayerStack] = [:]
    for place in places {
      for input in slices[place].inputs where stacks[input.model.value] == nil {
        stacks[input.model.value] = stack(of: input, module: module)
      }
    }
    guard diagnostics.isEmpty, let ownStack = stacks[donor] ?? stacks.values.first else { return }
    for (model, stack) in stacks { slicedStacks[model, default: []].insert(stack.prefix) }
    addLoose(first, module: module, stacks) { $0 == .before }
    var output = 0
    var taken: [(model: ModelReference, layer: Int)] = []
    for place in places {
      guard let range = slices[place].inputs.first?.layerRange?.value else { continue }
      for offset in 0..<range.count {
        addLayer(
          place, offset: offset, of: range.count, as: output, prefix: ownStack.prefix, stacks)
        taken.append((slices[place].inputs[0].model.value, range.lowerBound + offset))
        output += 1
      }
    }
    addLoose(last, module: module, stacks) { $0 != .before }
    self.stacks.append(StackedLayers(key: ownStack.key, layers: taken))
  }

  /// The stack of a model that slices cut, checked against the range of layers.
  private mutating func stack(of input: OutputSlice.Input, module: Int?) -> LayerStack? {
    let model = input.model.value
    guard let structure = structures[model] else { return nil }
    let prefixes = Set(addresses(of: model, module: module).compactMap(\.layer?.stack))
    let found = structure.stacksToSlice(among: prefixes)
    guard let stack = found.first, found.count == 1 else {
      let list = found.map { "'\($0.prefix.dropLast())' (\($0.count) layers)" }
      diagnostics.append(
        Diagnostic(
          file: file, at: input.position,
          found.isEmpty
            ? "model '\(model)' has no numbered layers that could be sliced"
            : "model '\(model)' has several stacks of layers: \(list.joined(separator: ", "))",
          hint: found.isEmpty ? nil : "give the slices of each under 'modules:'"))
      return nil
    }
    for slice in slices {
      for other in slice.inputs where other.model.value == model && moduleIndex(slice) == module {
        guard let range = other.layerRange, range.value.upperBound > stack.storedCount else {
          continue
        }
        diagnostics.append(
          Diagnostic(
            file: file, at: range.position,
            "layer_range ends at \(range.value.upperBound), but model '\(model)' has "
              + "\(stack.storedCount) layers",
            hint: "the end is not included: [0, \(stack.storedCount)] takes all layers"))
      }
    }
    return stack
  }

  private mutating func addLayer(
    _ place: Int, offset: Int, of count: Int, as output: Int, prefix: String,
    _ stacks: [ModelReference: LayerStack]
  ) {
    let slice = slices[place]
    var seen = Set<String>()
    for input in namingOrder(slice) {
      guard let own = stacks[input.model.value], let range = input.layerRange?.value else {
        continue
      }
      let suffixes =
        structures[input.model.value]?.suffixes(
          ofLayer: range.lowerBound + offset, in: own.prefix) ?? []
      for suffix in suffixes where seen.insert(suffix).inserted {
        let candidates = slice.inputs.enumerated().map { index, input in
          let stack = stacks[input.model.value]?.prefix ?? own.prefix
          let start = input.layerRange?.value.lowerBound ?? 0
          return OutputSlot.Candidate(
            sliceInput: index, name: "\(stack)\(start + offset)\(suffix)")
        }
        slots.append(
          OutputSlot(
            name: "\(prefix)\(output)\(suffix)", slice: place,
            fraction: LayerFraction.of(layer: offset, count: count), candidates: candidates,
            role: nil))
      }
    }
  }

  /// Adds the tensors outside the sliced stack that come before or behind it.
  private mutating func addLoose(
    _ place: Int, module: Int?, _ stacks: [ModelReference: LayerStack],
    _ belongs: (TensorRole) -> Bool
  ) {
    let slice = slices[place]
    var seen = Set<String>()
    for input in namingOrder(slice) {
      let model = input.model.value
      for address in addresses(of: model, module: module) {
        if let layer = address.layer, layer.stack == stacks[model]?.prefix { continue }
        let role = TensorRole(address.name)
        guard belongs(role), seen.insert(address.name).inserted else { continue }
        slots.append(
          OutputSlot(
            name: address.name, slice: place,
            fraction: structures[model]?.fraction(of: address) ?? LayerFraction.outsideLayers,
            candidates: slice.inputs.indices.map { .init(sliceInput: $0, name: address.name) },
            role: address.layer == nil ? role : nil))
      }
    }
  }
}
