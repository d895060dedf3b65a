import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct ArceeFusionTests {
  /// How much each element matters, by the published formula, and how far rounding can move it.
  static func importances(
    _ inputs: NaiveComparison.Inputs
  ) -> (values: [Double], errors: [Double]) {
    let length = max(inputs.shape.last ?? 1, 1)
    var values: [Double] = []
    var errors: [Double] = []
    for start in stride(from: 0, to: inputs.base.count, by: length) {
      let base = inputs.base[start..<start + length]
      let model = inputs.models[0][start..<start + length]
      var divergence = 0.0
      for (p, q) in zip(softmax(Array(model)), softmax(Array(base))) {
        divergence += p * log(p / q)
      }
      for (x, b) in zip(model, base) {
        values.append((x - b).magnitude * divergence)
        // Each term of the sum is of the size of p, whose sum is 1, so the sum's last bits are those
        // of 1 even where it is small.
        errors.append((x - b).magnitude * (1e-12 * divergence.magnitude + 1e-15))
      }
    }
    return (values, errors)
  }

  static func softmax(_ values: [Double]) -> [Double] {
    let largest = values.max() ?? 0
    let exponentials = values.map { exp($0 - largest) }
    let sum = NaiveComparison.sum(exponentials)
    return exponentials.map { $0 / sum + 1e-8 }
  }

  static func naive(_ inputs: NaiveComparison.Inputs) -> NaiveComparison.Expectation {
    let (values, errors) = importances(inputs)
    guard !values.isEmpty else { return NaiveComparison.Expectation(values: []) }
    let order = values.indices.sorted { values[$0] < values[$1] }
    let ranks = [0.25, 0.5, 0.75].map { order[Int($0 * Double(values.count - 1))] }
    let quartiles = ranks.map { values[$0] }
    let threshold = quartiles[1] + 1.5 * (quartiles[2] - quartiles[0])
    let error = errors[ranks[1]] + 1.5 * (errors[ranks[2]] + errors[ranks[0]])
    var expectation = NaiveComparison.Expectation(
      values: values.indices.map {
        values[$0] >= threshold ? inputs.models[0][$0] : inputs.base[$0]
      })
    for i in values.indices
    where values[i] != 0 && (values[i] - threshold).magnitude <= errors[i] + error {
      expectation.otherSides[i] =
        values[i] >= threshold ? inputs.base[i] : inputs.models[0][i]
    }
    return expectation
  }

  @Test(arguments: NaiveComparison.Precision.all)
  func likeTheFormula(precision: NaiveComparison.Precision) async throws {
    try await NaiveComparison(
      method: "arcee_fusion", parameters: "", models: 1, precision: precision, seed: 3
    ).expect(Self.naive)
  }

  /// Rows in several tiles, and one row that is longer than a standard tile.
  @Test(arguments: [[140, 500], [70_001]])
  func severalTiles(shape: [Int]) async throws {
    try await NaiveComparison(
      method: "arcee_fusion", parameters: "", models: 1,
      precision: .init(base: .bfloat16, models: [.bfloat16]), seed: 4, shapes: [shape],
      contents: [.random]
    ).expect(Self.naive)
  }

  /// Without room for the divergences of all rows they are computed again when they are needed.
  @Test func divergencesThatAreNotKeptAreTheSame() {
    for rows in [3, ImportanceSurvey.mostRowsKept + 1] {
      var survey = ImportanceSurvey(elementCount: 6, rowCount: rows, rowsPerStep: 3)
      var passes = 0
      while !survey.isComplete {
        var partial = survey.makePartial()
        let importance: [Double] = [3, 1, 2, 6, 5, 4].map { $0 / 3 }
        partial.add(importance.span, divergences: [0.5, 0.25, 0.125])
        survey.add(partial)
        survey.finishPass()
        passes += 1
      }
      #expect(passes == 1)
      // The elements of rank 1, 2 and 3.
      #expect(survey.threshold == 1 + 1.5 * (4.0 / 3 - 2.0 / 3))
      #expect(survey.divergences(ofRows: 1..<3) == (rows == 3 ? [0.25, 0.125] : nil))
    }
  }

  /// The divergences of all rows are held, and those of a step in each partial result.
  @Test(arguments: [
    ([3000, 2], 3000, 3000), ([1_000_000, 4], 1_000_000, 256 * 1024),
    ([1 << 20, 5], 1 << 20, 256 * 819), ([1 << 20 + 1, 2], 0, 0), ([3, 0], 0, 0), ([7, 1], 0, 0),
    ([70_001], 1, 1), ([2, 70_001], 2, 2), ([], 0, 0),
  ])
  func `memory for divergences is declared`(shape: [Int], held: Int, inStep: Int) throws {
    let run = MethodRun(shape: shape, inputs: [[], []], hasBase: true, models: [[:]])
    let method = ArceeFusion(run.group(for: ArceeFusion.declaration))
    #expect(method.surveyHeldByteCount == 8 * held)
    #expect(method.surveyByteCount == 3 * OrderStatistic.passByteCount + 8 * inStep)
  }

  /// With equal quartiles the threshold is the importance of most elements, which meet it exactly.
  @Test func equalQuartilesTakeAllThatMeetThem() async throws {
    let base = (0..<64).map { Double($0 % 7) }
    // All differ by the same distance, so all matter the same; one does not differ.
    let model = base.indices.map { $0 == 5 ? base[$0] : base[$0] + ($0 % 2 == 0 ? 0.5 : -0.5) }
    let merge = try TestMerge()
    try merge.model("a", [TestTensor("w", .float32, [64], base)])
    try merge.model("b", [TestTensor("w", .float32, [64], model)])
    let result = try await merge.run(Self.recipe)
    #expect(result[0].values == model)
  }

  /// Models so alike that `Σ p·log(p / q)` is lost in the rounding of its terms. The divergence is
  /// then half the variance of the change.
  @Test func nearlyEqualRowsDivergeALittle() {
    var random = TestRandom(seed: 7)
    let base = (0..<1_000).map { _ in 0.02 * random.normal() }
    let model = base.map { $0 + 1e-8 * random.normal() }
    let changes = zip(model, base).map { $0 - $1 }
    let expected =
      zip(Self.softmax(base), changes).map { $0 * $1 * $1 / 2 }.reduce(0, +)
      - 0.5 * pow(zip(Self.softmax(base), changes).map { $0 * $1 }.reduce(0, +), 2)
    let naive = zip(Self.softmax(model), Self.softmax(base)).map { $0 * log($0 / $1) }
    #expect((NaiveComparison.sum(naive) / expected - 1).magnitude > 0.01)

    let group = MergeGroup(
      tensor: "w", shape: [1_000], inputs: ["a", "b"], hasBase: true,
      parameters: GroupParameters(tensor: [:], inputs: [[:], [:]]), seed: 0)
    let merge = ArceeFusion(group)
    var tile = Tile<Double>(rows: 2, capacity: 1_000)
    var scratch = Tile<Double>(rows: 2, capacity: 1_000)
    for (row, values) in [base, model].enumerated() {
      var target = tile.mutableRow(row)
      for i in values.indices { target[i] = values[i] }
    }
    let position = TilePosition(group: 0, tile: 0, elements: 0..<1_000)
    let survey = ArceeFusion.makeSurvey([merge])
    var partial = survey.makePartial()
    merge.survey(&tile, scratch: &scratch, at: position, survey, into: &partial)
    let divergence = scratch[0][0] / changes[0].magnitude
    #expect((divergence / expected - 1).magnitude < 1e-4)
  }

  @Test func oneColumnTakesTheModel() async throws {
    let merge = try TestMerge()
    try merge.model("a", [TestTensor("w", .float16, [3, 1], [1, 2, 3])])
    try merge.model("b", [TestTensor("w", .float16, [3, 1], [1, -5, 4])])
    let result = try await merge.run(Self.recipe)
    #expect(result[0].values == [1, -5, 4])
    #expect(result[0].dtype == .float16)
  }

  /// The importance of the whole row is not known, so that nothing is taken from the model.
  @Test func notANumberLeavesTheBase() async throws {
    let values = try await NaiveComparison.notANumber(method: "arcee_fusion", parameters: "")
    #expect(values == [1, 2, 3, 4])
  }

  static let recipe = """
    merge_method: arcee_fusion
    base_model: ./a
    models: [{model: ./b}]
    """
}
