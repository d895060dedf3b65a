/// What is the same for all tensors of a slice: which inputs it has, and what is said of them.
struct SliceInputs: Sendable {
  /// The inputs of the plan, in the order of the slice's inputs.
  let places: [Int?]
  /// The slice's inputs in the order of a group: the base first.
  let order: [Int]
  /// Whether a group's first input is the base.
  let hasBase: Bool
  /// The names that messages use, in the order of a group.
  let names: [String]
  /// The names in formulas, in the order of a group.
  let aliases: [String?]
  /// The parameters, once they were resolved for one tensor and hold for all.
  var parameters: GroupParameters?
  /// Whether no parameter depends on the name of a tensor or on its layer.
  let isUniform: Bool

  init(_ slice: OutputSlice, _ inputs: [PlannedInput], places: [ModelReference: Int]) {
    let places = slice.inputs.map { places[$0.model.value] }
    self.places = places
    let bases = slice.inputs.indices.filter { slice.inputs[$0].isBase }
    order = bases + slice.inputs.indices.filter { !slice.inputs[$0].isBase }
    hasBase = !bases.isEmpty
    names = order.map { place in places[place].map { inputs[$0].name } ?? "" }
    aliases = order.map { slice.inputs[$0].alias }
    isUniform =
      slice.parameters.isUniform && slice.inputs.allSatisfy(\.parameters.isUniform)
  }
}

extension ParameterResolution {
  /// Whether each value that is set holds for all tensors and layers.
  fileprivate var isUniform: Bool {
    levels.allSatisfy { level in
      level.settings.allSatisfy { setting in
        guard let first = setting.cases.first, case .scalar = first.value else { return false }
        return first.matchesAll
      }
    }
  }
}
