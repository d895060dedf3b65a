import Sinter
import SinterTensors

/// Runs one merge method over numbers in memory, on one thread, as the engine would: survey passes
/// over all tiles, then the merge of each, with the inputs widened from bfloat16 each time they are
/// read and the result narrowed to it.
struct MethodBenchmark {
  /// The elements of the tensor: 64 rows of 16,384.
  static let shape: Shape = [64, 16_384]

  let declaration: MethodDeclaration
  let elementsPerSecond: Double

  init<Method: MergeMethod>(_ type: Method.Type) throws {
    declaration = type.declaration
    let group = try Self.group(for: type.declaration)
    let method = try Method(group)
    var bench = Bench(method, inputs: group.inputs.count)
    let seconds = Stopwatch.seconds { bench.run() }
    elementsPerSecond = Double(Self.shape.elementCount) / seconds
  }

  /// Three models, or as many as the method takes, and a base where it wants one.
  private static func group(for declaration: MethodDeclaration) throws -> MergeGroup {
    let models = min(max(3, declaration.models.lowerBound), declaration.models.upperBound)
    let hasBase = declaration.base == .required
    let names = (hasBase ? ["base"] : []) + (0..<models).map { "model \($0)" }
    var shared: [String: ParameterValue] = [:]
    var own = names.map { _ in [String: ParameterValue]() }
    for parameter in declaration.parameters {
      let value = value(of: parameter)
      for input in names.indices where parameter.scope != .tensor {
        if input > 0 || !hasBase || parameter.scope == .input { own[input][parameter.name] = value }
      }
      if parameter.scope == .tensor { shared[parameter.name] = value }
    }
    let aliases = (0..<models).map { "m\($0)" }
    let formula =
      declaration.takesFormula
      ? try Formula("(\(aliases.joined(separator: " + "))) / 3", models: aliases, hasBase: false)
      : nil
    return MergeGroup(
      tensor: "weight", shape: shape, inputs: names, hasBase: hasBase,
      parameters: GroupParameters(tensor: shared, inputs: own), seed: 0, formula: formula,
      aliases: declaration.takesFormula ? aliases : [])
  }

  /// Half of everything where a value is needed or decides how much work there is.
  private static func value(of parameter: ParameterDeclaration) -> ParameterValue? {
    if ["density", "t", "weight", "select_topk", "scale"].contains(parameter.name) {
      return .number(0.5)
    }
    if case .value(let value) = parameter.default { return value }
    return nil
  }
}

/// One input of a tile as it would stand in a file.
private final class StoredRow {
  var bytes: ByteBuffer

  init(row: Int, length: Int) {
    var values = Tile<Double>(rows: 1, capacity: length)
    var target = values.mutableRow(0)
    let base = CounterRandom(seed: 1, stream: 0)
    let own = CounterRandom(seed: 1, stream: UInt64(row))
    for i in 0..<length {
      target[i] = 0.02 * Self.centered(base, i) + (row == 0 ? 0 : 0.001 * Self.centered(own, i))
    }
    bytes = ByteBuffer(byteCount: length * 2)
    _ = Conversion.narrow(values[0], to: .bfloat16, into: &bytes)
  }

  private static func centered(_ random: CounterRandom, _ index: Int) -> Double {
    Double(random.uniform32(at: index)) / 0x1p32 - 0.5
  }
}

/// The inputs and buffers of a method under test.
private struct Bench<Method: MergeMethod>: ~Copyable {
  private let method: Method
  private let grid: TileGrid
  private let stored: [StoredRow]
  private var tile: Tile<Double>
  private var scratch: Tile<Double>
  private var output: Tile<Double>
  private var bytes: ByteBuffer

  init(_ method: Method, inputs: Int) {
    self.method = method
    grid = TileGrid(shape: MethodBenchmark.shape, grain: method.grain)
    let length = grid.largestTile
    stored = (0..<inputs).map { StoredRow(row: $0, length: length) }
    tile = Tile(rows: inputs, capacity: length)
    scratch = Tile(rows: max(method.scratchRows, 1), capacity: length)
    output = Tile(rows: 1, capacity: length)
    bytes = ByteBuffer(byteCount: length * 2)
  }

  mutating func run() {
    var survey = Method.makeSurvey([method])
    while !survey.isComplete {
      var partial = survey.makePartial()
      // A sample is some 16,000 elements from all over the tensor.
      let step = survey.coverage == .sample ? max(1, grid.count / 4) : 1
      for number in stride(from: 0, to: grid.count, by: step) {
        let position = prepare(number)
        method.survey(&tile, scratch: &scratch, at: position, survey, into: &partial)
      }
      survey.add(partial)
      survey.finishPass()
    }
    for number in 0..<grid.count {
      let position = prepare(number)
      output.resize(rows: 1, count: position.elements.count)
      Self.merge(method, &tile, &scratch, at: position, survey, into: &output)
      Self.narrow(output, into: &bytes)
    }
  }

  private static func merge(
    _ method: Method, _ tile: inout Tile<Double>, _ scratch: inout Tile<Double>,
    at position: TilePosition, _ survey: Method.Survey, into output: inout Tile<Double>
  ) {
    var row = output.mutableRow(0)
    method.merge(&tile, scratch: &scratch, at: position, survey, into: &row)
  }

  private static func narrow(_ output: borrowing Tile<Double>, into bytes: inout ByteBuffer) {
    _ = Conversion.narrow(output[0], to: .bfloat16, into: &bytes)
  }

  /// Widens every input anew, as reading would; the same numbers stand in every tile.
  private mutating func prepare(_ number: Int) -> TilePosition {
    let elements = grid[number]
    tile.resize(rows: stored.count, count: elements.count)
    scratch.resize(rows: method.scratchRows, count: elements.count)
    for (row, source) in stored.enumerated() {
      var target = tile.mutableRow(row)
      Conversion.widen(source.bytes, from: .bfloat16, count: elements.count, into: &target)
    }
    return TilePosition(group: 0, tile: number, elements: elements)
  }
}
