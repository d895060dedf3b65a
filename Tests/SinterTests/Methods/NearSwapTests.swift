import SinterTensors
import Testing

@testable import Sinter

@Suite struct NearSwapTests {
  /// The published formula.
  static func naive(_ t: Double) -> (NaiveComparison.Inputs) -> NaiveComparison.Expectation {
    { inputs in
      let values = zip(inputs.base, inputs.models[0]).map { base, model -> Double in
        let distance = (base - model).magnitude
        let weight = distance == 0 ? 1 : min(t / distance, 1)
        return weight * model + (1 - weight) * base
      }
      return NaiveComparison.Expectation(values: values)
    }
  }

  @Test(arguments: zip(NaiveComparison.Precision.all, [0.004, 0.0625, 0, 1e-7, 3]))
  func likeTheFormula(precision: NaiveComparison.Precision, t: Double) async throws {
    try await NaiveComparison(
      method: "nearswap", parameters: "t: \(t)", models: 1, precision: precision, seed: 1
    ).expect(Self.naive(t))
  }

  @Test func severalTiles() async throws {
    try await NaiveComparison(
      method: "nearswap", parameters: "t: 0.004", models: 1,
      precision: .init(base: .bfloat16, models: [.bfloat16]), seed: 2, shapes: [[70_001]],
      contents: [.random]
    ).expect(Self.naive(0.004))
  }

  @Test func whatIsNearIsTakenToTheLastBit() async throws {
    let merge = try TestMerge()
    try merge.model("a", [TestTensor("w", .float64, [4], [1, 1, 0.1, -1e-30])])
    try merge.model("b", [TestTensor("w", .float64, [4], [1e-20, 3, 0.3, 1e-40])])
    let result = try await merge.run(
      """
      merge_method: nearswap
      base_model: ./a
      models: [{model: ./b}]
      parameters: {t: 1}
      """)
    #expect(result[0].values == [1e-20, 2, 0.3, 1e-40])
  }

  @Test func aNegativeDistanceIsAFault() throws {
    let merge = try TestMerge()
    for name in ["a", "b"] { try merge.model(name, [TestTensor("w", .float32, [1], [1])]) }
    let faults = merge.faults(
      """
      merge_method: nearswap
      base_model: ./a
      models: [{model: ./b}]
      parameters: {t: -0.1}
      """)
    #expect(faults.count == 1 && faults[0].contains("'t'"), "\(faults)")
  }

  @Test func notANumberDoesNotVanish() async throws {
    let values = try await NaiveComparison.notANumber(
      method: "nearswap", parameters: "t: 0.5")
    #expect(values.map(\.isNaN) == [false, true, false, false])
  }
}
