import SinterTensors

@testable import Sinter

/// A group of arrays that a method merges without files: tile by tile as the engine does, but in a
/// shuffled order.
struct MethodRun {
  var shape: [Int]
  /// One array for each input, the base first when there is one.
  var inputs: [[Double]]
  var hasBase: Bool
  var tensor: [String: ParameterValue] = [:]
  /// The parameters of each input that is not the base.
  var models: [[String: ParameterValue]] = []
  var seed: UInt64 = 0
  var name = "model.layers.0.mlp.up_proj.weight"
  /// Decides the order in which tiles are worked on.
  var order: UInt64 = 1

  /// The merged values.
  func callAsFunction<Method: MergeMethod>(_ type: Method.Type) throws -> [Double] {
    let method = try Method(group(for: Method.declaration))
    let grid = TileGrid(shape: Shape(shape), grain: method.grain)
    var random = TestRandom(seed: order)
    var survey = Method.makeSurvey([method])
    while !survey.isComplete {
      var partials: [(run: Int, partial: Method.Survey.Partial)] = []
      let runs = (0..<(grid.count + 15) / 16).shuffled(using: &random)
      for run in runs {
        var partial = survey.makePartial()
        for tile in run * 16..<min(run * 16 + 16, grid.count) {
          var rows = rows(grid[tile])
          var scratch = scratch(method.scratchRows, grid[tile].count)
          method.survey(
            &rows, scratch: &scratch, at: TilePosition(group: 0, tile: tile, elements: grid[tile]),
            survey, into: &partial)
        }
        partials.append((run, partial))
      }
      for (_, partial) in partials.sorted(by: { $0.run < $1.run }) { survey.add(partial) }
      survey.finishPass()
    }
    var result = [Double](repeating: .nan, count: Shape(shape).elementCount)
    for tile in (0..<grid.count).shuffled(using: &random) {
      var rows = rows(grid[tile])
      var scratch = scratch(method.scratchRows, grid[tile].count)
      var output = [Double](repeating: .nan, count: grid[tile].count)
      var span = output.mutableSpan
      method.merge(
        &rows, scratch: &scratch, at: TilePosition(group: 0, tile: tile, elements: grid[tile]),
        survey, into: &span)
      result.replaceSubrange(grid[tile], with: output)
    }
    return result
  }

  /// The merged values, by a method whose type is not known.
  func callAsFunction(any type: any MergeMethod.Type) throws -> [Double] {
    func run<Method: MergeMethod>(_ type: Method.Type) throws -> [Double] { try self(type) }
    return try run(type)
  }

  /// The group, with the defaults of what is not given.
  func group(for declaration: MethodDeclaration) -> MergeGroup {
    var shared = tensor
    var own = (hasBase ? [[:]] : []) + models
    for parameter in declaration.parameters {
      guard case .value(let value) = parameter.default else { continue }
      if parameter.scope == .tensor {
        shared[parameter.name] = shared[parameter.name] ?? value
      } else {
        for row in own.indices where parameter.scope == .input || !hasBase || row > 0 {
          own[row][parameter.name] = own[row][parameter.name] ?? value
        }
      }
    }
    return MergeGroup(
      tensor: name, shape: Shape(shape), inputs: inputs.indices.map { "model\($0)" },
      hasBase: hasBase, parameters: GroupParameters(tensor: shared, inputs: own), seed: seed)
  }

  func rows(_ elements: Range<Int>) -> Tile<Double> {
    var tile = Tile<Double>(rows: inputs.count, capacity: elements.count)
    for (index, input) in inputs.enumerated() {
      var row = tile.mutableRow(index)
      for i in 0..<elements.count { row[i] = input[elements.lowerBound + i] }
    }
    return tile
  }

  /// Scratch rows hold whatever was left in them.
  func scratch(_ rows: Int, _ count: Int) -> Tile<Double> {
    var tile = Tile<Double>(rows: rows, capacity: count)
    for row in 0..<rows {
      var row = tile.mutableRow(row)
      for i in 0..<count { row[i] = .nan }
    }
    return tile
  }
}

extension MethodRun {
  /// Shapes that have gone wrong somewhere: a scalar, nothing, one element, one column, one row, an
  /// odd size, and more than a tile.
  static let shapes = [[], [0], [1], [7, 1], [1, 13], [5, 3, 3], [257], [331, 251]]

  /// A base and models around it, of values that a dtype holds.
  static func values(
    _ shape: [Int], models: Int, dtypes: [DType] = [.float32], seed: UInt64 = 0
  ) -> [[Double]] {
    let base = TestTensor("base", dtypes[0], shape, seed: seed)
    return [base.values]
      + (0..<models).map { model in
        TestTensor(
          "model\(model)", dtypes[(model + 1) % dtypes.count], shape, seed: seed, scale: 0.002,
          around: base
        ).values
      }
  }

  /// Parameters of models: seeded weights, some of them negative, and a density.
  static func parameters(
    _ count: Int, seed: UInt64, density: Double? = nil
  ) -> [[String: ParameterValue]] {
    var random = TestRandom(seed: seed)
    return (0..<count).map { index in
      var values = ["weight": ParameterValue.number(random.uniform() - (index == 1 ? 1 : 0))]
      if let density { values["density"] = .number(density) }
      return values
    }
  }

  func number(_ name: String, ofModel model: Int) -> Double {
    if case .number(let value)? = models[model][name] { value } else { .nan }
  }
}

/// The largest difference of two results, in units of the largest value.
func difference(_ left: [Double], _ right: [Double]) -> Double {
  guard left.count == right.count else { return .infinity }
  let largest = right.reduce(0) { max($0, $1.magnitude) }
  let off = zip(left, right).reduce(0) { worst, pair in
    let off = (pair.0 - pair.1).magnitude
    return off <= worst ? worst : off.isNaN ? .infinity : off
  }
  return off == 0 ? 0 : off / largest
}
