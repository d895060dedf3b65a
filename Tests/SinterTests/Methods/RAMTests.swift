import SinterTensors
import Testing

@testable import Sinter

@Suite struct RAMTests {
  /// The published formula.
  static func naive(_ epsilon: Double) -> (NaiveComparison.Inputs) -> NaiveComparison.Expectation {
    { inputs in
      let values = inputs.base.indices.map { i -> Double in
        let changes = inputs.models.map { $0[i] - inputs.base[i] }
        let active = changes.filter { $0.magnitude > epsilon }
        return inputs.base[i] + NaiveComparison.sum(active) / Double(max(active.count, 1))
      }
      return NaiveComparison.Expectation(values: values)
    }
  }

  @Test(arguments: NaiveComparison.trials)
  func likeTheFormula(precision: NaiveComparison.Precision, models: Int) async throws {
    // In turn no change, the smallest ones and those of 'moved' alone are too small.
    let epsilon = [0, 1e-5, 0.125][models % 3]
    try await NaiveComparison(
      method: "ram", parameters: "epsilon: \(epsilon)", models: models, precision: precision,
      seed: UInt64(models)
    ).expect(Self.naive(epsilon))
  }

  @Test func severalTiles() async throws {
    try await NaiveComparison(
      method: "ram", parameters: "epsilon: 0.005", models: 3,
      precision: .init(base: .bfloat16, models: [.bfloat16]), seed: 2, shapes: [[70_001]],
      contents: [.random]
    ).expect(Self.naive(0.005))
  }

  @Test func aChangeOfOneModelIsNotDiluted() async throws {
    let merge = try TestMerge()
    try merge.model("base", [TestTensor("w", .float32, [4], [1, 1, 1, 1])])
    try merge.model("a", [TestTensor("w", .float32, [4], [2, 3, 1, 1.000001])])
    try merge.model("b", [TestTensor("w", .float32, [4], [1, 2, 1, 1])])
    let result = try await merge.run(
      """
      merge_method: ram
      base_model: ./base
      models: [{model: ./a}, {model: ./b}]
      """)
    #expect(result[0].values == [2, 2.5, 1, 1])
  }

  @Test func notANumberDoesNotVanish() async throws {
    let values = try await NaiveComparison.notANumber(
      method: "ram", parameters: "")
    #expect(values.map(\.isNaN) == [false, true, false, false])
  }
}
