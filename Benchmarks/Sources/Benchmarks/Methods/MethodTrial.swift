import Sinter
import SinterTensors

/// Runs one merge method over a few numbers, on one thread, as the engine would.
struct MethodTrial {
  /// The elements of each input; the base comes first where there is one.
  let inputs: [[Double]]
  /// Whether the first input is a base model.
  let hasBase: Bool
  /// What the recipe would say of a parameter; those not named have their default.
  let parameters: [String: ParameterValue]
  /// What it would say under each model, the base not counted.
  let weights: [Double]
  /// The length of a row of the tensor.
  let rowLength: Int

  /// The elements of the merged tensor.
  func run<Method: MergeMethod>(_ type: Method.Type) throws -> [Double] {
    let method = try Method(group(for: type.declaration))
    let grid = TileGrid(shape: shape, grain: method.grain)
    var tile = Tile<Double>(rows: inputs.count, capacity: grid.largestTile)
    var scratch = Tile<Double>(rows: max(method.scratchRows, 1), capacity: grid.largestTile)
    var output = Tile<Double>(rows: 1, capacity: grid.largestTile)
    var survey = Method.makeSurvey([method])
    while !survey.isComplete {
      var partial = survey.makePartial()
      for number in 0..<grid.count {
        let position = prepare(&tile, &scratch, grid, number, method.scratchRows)
        method.survey(&tile, scratch: &scratch, at: position, survey, into: &partial)
      }
      survey.add(partial)
      survey.finishPass()
    }
    var result: [Double] = []
    for number in 0..<grid.count {
      let position = prepare(&tile, &scratch, grid, number, method.scratchRows)
      output.resize(rows: 1, count: position.elements.count)
      var row = output.mutableRow(0)
      method.merge(&tile, scratch: &scratch, at: position, survey, into: &row)
      for i in 0..<row.count { result.append(row[i]) }
    }
    return result
  }

  private var shape: Shape { [inputs[0].count / rowLength, rowLength] }

  private func group(for declaration: MethodDeclaration) -> MergeGroup {
    var shared: [String: ParameterValue] = [:]
    var own = inputs.map { _ in [String: ParameterValue]() }
    for parameter in declaration.parameters {
      var value = parameters[parameter.name]
      if value == nil, case .value(let standard) = parameter.default { value = standard }
      if parameter.scope == .tensor { shared[parameter.name] = value }
      for input in inputs.indices where parameter.scope != .tensor {
        let model = input - (hasBase ? 1 : 0)
        if model >= 0 {
          own[input][parameter.name] =
            parameter.name == "weight" ? .number(weights[model]) : value
        }
      }
    }
    return MergeGroup(
      tensor: "weight", shape: shape, inputs: inputs.indices.map { "input \($0)" },
      hasBase: hasBase, parameters: GroupParameters(tensor: shared, inputs: own), seed: 0)
  }

  private func prepare(
    _ tile: inout Tile<Double>, _ scratch: inout Tile<Double>, _ grid: TileGrid, _ number: Int,
    _ scratchRows: Int
  ) -> TilePosition {
    let elements = grid[number]
    tile.resize(rows: inputs.count, count: elements.count)
    scratch.resize(rows: scratchRows, count: elements.count)
    for (row, input) in inputs.enumerated() {
      var target = tile.mutableRow(row)
      for i in 0..<elements.count { target[i] = input[elements.lowerBound + i] }
    }
    return TilePosition(group: 0, tile: number, elements: elements)
  }
}
