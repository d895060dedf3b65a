import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct RAMPlusTests {
  struct Parameters {
    var epsilon = 1e-5
    var r = 0.1
    var alpha = 0.2

    var text: String { "epsilon: \(epsilon), r: \(r), alpha: \(alpha)" }
  }

  /// The published formula, the factors rounded in some way.
  static func naive(
    _ parameters: Parameters, rounded: @escaping (Double) -> Double = { $0 }
  ) -> (NaiveComparison.Inputs) -> NaiveComparison.Expectation {
    { inputs in
      let elements = inputs.base.indices
      let changes = inputs.models.map { model in elements.map { model[$0] - inputs.base[$0] } }
      let active = changes.map { $0.map { $0.magnitude > parameters.epsilon } }
      let counts = elements.map { i in active.count { $0[i] } }
      let factors = active.map { active -> Double in
        let unique = elements.count { active[$0] && counts[$0] == 1 }
        let shared = elements.count { active[$0] && counts[$0] > 1 }
        let overlap = Double(shared) / max(Double(unique), parameters.epsilon)
        return rounded(1 + parameters.r * min(max(overlap, 0), parameters.alpha))
      }
      let values = elements.map { i -> Double in
        var sum = 0.0
        for (model, change) in changes.enumerated() where active[model][i] {
          sum += counts[i] == 1 ? factors[model] * change[i] : change[i]
        }
        return inputs.base[i] + sum / Double(max(counts[i], 1))
      }
      return NaiveComparison.Expectation(values: values)
    }
  }

  @Test(arguments: NaiveComparison.trials)
  func likeTheFormula(precision: NaiveComparison.Precision, models: Int) async throws {
    let parameters = [
      Parameters(), Parameters(epsilon: 0, r: 2, alpha: 10),
      Parameters(epsilon: 0.005, r: 0.5, alpha: 100),
    ][models % 3]
    try await NaiveComparison(
      method: "ramplus_tl", parameters: parameters.text, models: models, precision: precision,
      seed: UInt64(models)
    ).expect(Self.naive(parameters))
  }

  /// The counts are those of the whole tensor.
  @Test func severalTiles() async throws {
    let parameters = Parameters(epsilon: 0.005, r: 0.5, alpha: 100)
    try await NaiveComparison(
      method: "ramplus_tl", parameters: parameters.text, models: 2,
      precision: .init(base: .bfloat16, models: [.bfloat16]), seed: 2, shapes: [[70_001]],
      contents: [.random]
    ).expect(Self.naive(parameters))
  }

  /// The reference implementation rounds the factors to float32; so rounded they give the golden
  /// result, which ties this file's formula to it.
  @Test func theGoldenResultHasFactorsInFloat32() throws {
    let folder = GoldenTests.folder.path
    func tensors(_ name: String) throws -> [TestTensor] {
      try TestTensor.read("\(folder)/\(name).safetensors").sorted { $0.name < $1.name }
    }
    let models = try ["a", "b"].map { try tensors("models/\($0)/model") }
    let golden = try tensors("cases/ramplus_tl/golden")
    let naive = Self.naive(Parameters(epsilon: 0.002, r: 0.2, alpha: 0.3)) { Double(Float($0)) }
    for (index, base) in try tensors("models/base/model").enumerated() {
      let expectation = naive(
        NaiveComparison.Inputs(
          shape: base.shape, base: base.values, models: models.map { $0[index].values }))
      #expect(golden[index].name == base.name)
      let largest = base.values.map(\.magnitude).max() ?? 0
      for (value, exact) in zip(expectation.values, golden[index].values)
      where (value - exact).magnitude > 4 * largest.ulp {
        Issue.record("\(base.name): \(value), not \(exact)")
        break
      }
    }
  }

  @Test func aChangeOfOneModelIsAmplified() async throws {
    let merge = try TestMerge()
    try merge.model("base", [TestTensor("w", .bfloat16, [4], [0, 0, 0, 0])])
    try merge.model("a", [TestTensor("w", .bfloat16, [4], [1, 1, 0, 2])])
    try merge.model("b", [TestTensor("w", .bfloat16, [4], [0, 2, 4, 2])])
    let result = try await merge.run(
      """
      merge_method: ramplus_tl
      base_model: ./base
      models: [{model: ./a}, {model: ./b}]
      parameters: {r: 0.5, alpha: 0.5}
      """)
    // Each model shares two changes and has one of its own: an overlap of 2, held at 0.5.
    #expect(result[0].values == [1.25, 1.5, 5, 2])
    #expect(result[0].dtype == .bfloat16)
  }

  @Test func notANumberDoesNotVanish() async throws {
    let values = try await NaiveComparison.notANumber(
      method: "ramplus_tl", parameters: "")
    #expect(values.map(\.isNaN) == [false, true, false, false])
  }
}
