import SinterTensors
import Testing

@testable import Sinter

@Suite struct SCETests {
  /// The published formula; of equal variances the lowest index is kept.
  static func naive(_ share: Double) -> (NaiveComparison.Inputs) -> NaiveComparison.Expectation {
    { inputs in
      var changes = inputs.models.map { zip($0, inputs.base).map { $0 - $1 } }
      if share < 1 {
        let kept = selected(changes, share)
        for model in changes.indices {
          for i in inputs.base.indices where !kept.contains(i) { changes[model][i] = 0 }
        }
      }
      let weights = weights(changes)
      let values = inputs.base.indices.map { i -> Double in
        let isPositive = changes.reduce(0) { $0 + $1[i] } >= 0
        var (sum, divisor) = (0.0, 0.0)
        for (change, weight) in zip(changes, weights)
        where isPositive ? change[i] > 0 : change[i] < 0 {
          sum += weight * change[i]
          divisor += weight
        }
        return inputs.base[i] + (divisor > 0 ? sum / divisor : 0)
      }
      return NaiveComparison.Expectation(values: values)
    }
  }

  /// The elements of largest variance.
  static func selected(_ changes: [[Double]], _ share: Double) -> Set<Int> {
    let elements = changes[0].indices
    let variances = elements.map { i -> Double in
      let values = changes.map { $0[i] }
      let mean = NaiveComparison.sum(values) / Double(values.count)
      let sum = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let isRounding = sum.squareRoot() <= 1e-14 * (values.map(\.magnitude).max() ?? 0)
      return isRounding ? 0 : rounded(sum / Double(values.count))
    }
    let kept = Int(share * Double(variances.count { $0 > 0 }))
    let order = elements.sorted { (-variances[$0], $0) < (-variances[$1], $1) }
    return Set(order.prefix(kept))
  }

  /// A number to 44 bits, so that variances that differ by their rounding alone are equal.
  static func rounded(_ value: Double) -> Double {
    Double(bitPattern: (value.bitPattern + 0x80) & ~0xff)
  }

  static func weights(_ changes: [[Double]]) -> [Double] {
    let means = changes.map { change in
      NaiveComparison.sum(change.map { $0 * $0 }) / Double(max(change.count, 1))
    }
    let sum = NaiveComparison.sum(means)
    return means.map { sum < 1e-6 ? 1 / Double(changes.count) : $0 / sum }
  }

  @Test(arguments: NaiveComparison.trials, [1, 0.5])
  func likeTheFormula(
    trial: (precision: NaiveComparison.Precision, models: Int), share: Double
  ) async throws {
    try await NaiveComparison(
      method: "sce", parameters: "select_topk: \(share)", models: trial.models,
      precision: trial.precision, seed: UInt64(trial.models)
    ).expect(Self.naive(share))
  }

  @Test(arguments: [0, 0.001, 0.97])
  func anyShare(share: Double) async throws {
    try await NaiveComparison(
      method: "sce", parameters: "select_topk: \(share)", models: 3,
      precision: .init(base: .float32, models: [.float32]), seed: 9
    ).expect(Self.naive(share))
  }

  /// Equal variances in several tiles: which are kept is decided over the whole tensor.
  @Test func severalTiles() async throws {
    try await NaiveComparison(
      method: "sce", parameters: "select_topk: 0.3", models: 3,
      precision: .init(base: .bfloat16, models: [.bfloat16]), seed: 5, shapes: [[70_001]],
      contents: [.coarse]
    ).expect(Self.naive(0.3))
  }

  @Test func modelsAreWeighedByTheSizeOfTheirChanges() async throws {
    let merge = try TestMerge()
    try merge.model("base", [TestTensor("w", .float32, [2], [0, 0])])
    try merge.model("a", [TestTensor("w", .float32, [2], [3, 1])])
    try merge.model("b", [TestTensor("w", .float32, [2], [1, -2])])
    let result = try await merge.run(Self.recipe(""))
    // Mean squares 5 and 2.5; in the second element b wins the vote.
    #expect(result[0].values == [Double(Float(7.0 / 3)), -2])
  }

  /// Below a sum of mean squares of 1e-6 all models weigh the same.
  @Test func smallChangesWeighTheSame() async throws {
    let merge = try TestMerge()
    try merge.model("base", [TestTensor("w", .float64, [2], [0, 0])])
    try merge.model("a", [TestTensor("w", .float64, [2], [0x1p-11, 0x1p-12])])
    try merge.model("b", [TestTensor("w", .float64, [2], [0x1p-13, 0x1p-14])])
    let result = try await merge.run(Self.recipe(""))
    #expect(result[0].values == [0x1p-12 + 0x1p-14, 0x1p-13 + 0x1p-15])
  }

  @Test func ofEqualVariancesTheLowestIndexIsKept() async throws {
    let merge = try TestMerge()
    try merge.model("base", [TestTensor("w", .bfloat16, [5], [0, 0, 0, 0, 0])])
    try merge.model("a", [TestTensor("w", .bfloat16, [5], [1, 0, 2, 1, 1])])
    try merge.model("b", [TestTensor("w", .bfloat16, [5], [0, 1, 0, 2, 0])])
    try merge.model("c", [TestTensor("w", .bfloat16, [5], [0, 0, 1, 0, 0])])
    let half = try await merge.run(
      Self.recipe("select_topk: 0.5", models: ["a", "b", "c"]))
    // Two of five: those of the permutations of 0, 1, 2.
    #expect(half[0].values.map { $0 != 0 } == [false, false, true, true, false])
    let most = try await merge.run(
      Self.recipe("select_topk: 0.8", models: ["a", "b", "c"]))
    #expect(most[0].values.map { $0 != 0 } == [true, true, true, true, false])
  }

  @Test(arguments: ["select_topk: 1", "select_topk: 0.4"]) func notANumberDoesNotVanish(
    parameters: String
  ) async throws {
    let values = try await NaiveComparison.notANumber(
      method: "sce", parameters: parameters)
    #expect(values.map(\.isNaN) == [false, true, false, false])
  }

  static func recipe(_ parameters: String, models: [String] = ["a", "b"]) -> String {
    """
    merge_method: sce
    base_model: ./base
    models: [\(models.map { "{model: ./\($0)}" }.joined(separator: ", "))]
    parameters: {\(parameters)}
    """
  }
}
