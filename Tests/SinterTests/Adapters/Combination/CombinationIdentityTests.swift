import Foundation
import SinterTensors
import Testing

@testable import Sinter

/// One adapter at weight 1, combined alone, does what it did: for every kind of adapter.
@Suite struct CombinationIdentityTests {
  private let run: CombinationRun

  init() throws {
    run = try CombinationRun()
  }

  private func combine(
    _ adapters: [(String, Double)], _ options: CombinationOptions = CombinationOptions()
  ) async throws {
    let models = adapters.map { name, weight in
      "  - model: {model: {path: '\(AdapterFixtures.folder)/\(name)'}}\n"
        + "    parameters: {weight: \(weight)}"
    }
    try await run.combine(
      "merge_method: concatenate\nmodels:\n" + models.joined(separator: "\n") + "\n", options)
  }

  /// The largest difference of two models, as a part of the largest number of a tensor.
  private func distance(
    _ left: [String: TestTensor], _ right: (String) -> [Double]?
  ) throws -> Double {
    try TestTensor.read(AdapterFixtures.base).reduce(0) { worst, base in
      let result = try #require(left[base.name])
      let exact = right(base.name) ?? base.values
      let size = exact.map(\.magnitude).max() ?? 1
      return max(worst, (zip(result.values, exact).map { abs($0 - $1) }.max() ?? 0) / size)
    }
  }

  @Test(arguments: AdapterFixtures.cases.filter { $0 != "mlx_dora" })
  func `a combination of one adapter does what the adapter does`(name: String) async throws {
    try await combine([(name, 1)])
    let (results, summary) = try await AdapterFixtures.apply(
      [(run.folder.appending("out"), 1)], dtype: .float64)
    let expected = try AdapterFixtures.expected(name)
    #expect(try distance(results) { expected[$0]?.values } < 1e-6)
    for base in try TestTensor.read(AdapterFixtures.base) where expected[base.name] == nil {
      #expect(results[base.name]?.values == base.values)
    }
    let outcome = try #require(summary.adapters.first)
    #expect(outcome.applied == outcome.updates)
  }

  @Test func `magnitudes of an embedding's entries are not those of PEFT`() async {
    let recipe =
      "merge_method: concatenate\nmodels:\n"
      + "  - model: {model: {path: '\(AdapterFixtures.folder)/mlx_dora'}}\n"
    let faults = await run.faults(recipe)
    #expect(faults.count == 1)
    #expect(
      faults.first?.contains(
        "tensor 'embed_tokens.m' holds a magnitude for each entry of an embedding, those of PEFT "
          + "belong to its features") == true, "\(faults)")
  }

  @Test(arguments: [
    ["plain", "root", "patterns", "mlx"], ["experts", "experts_square", "plain"],
    ["bias_of_factor", "plain"], ["convolution", "plain"], ["experts_old", "experts_square_old"],
  ])
  func `a combination does what its adapters do together`(names: [String]) async throws {
    let weighted = zip(names, [0.5, -1.25, 2, 0.75]).map { ($0, $1) }
    try await combine(weighted)
    let together = try await AdapterFixtures.apply(
      weighted.map { ("\(AdapterFixtures.folder)/\($0)", $1) }, dtype: .float64
    ).tensors
    let results = try await AdapterFixtures.apply(
      [(run.folder.appending("out"), 1)], dtype: .float64
    ).tensors
    #expect(try distance(results) { together[$0]?.values } < 1e-6)
  }

  @Test(arguments: AdapterFixtures.cases.filter { $0 != "mlx_dora" })
  func `a combination can be combined again`(name: String) async throws {
    try await combine([(name, 1)])
    let once = try run.folder.bytes("out/adapter_model.safetensors")
    let config = try run.folder.bytes("out/adapter_config.json")
    try await run.combine(run.recipe("concatenate", [("out", "")]), into: "again")
    #expect(try run.folder.bytes("again/adapter_model.safetensors") == once)
    #expect(try run.folder.bytes("again/adapter_config.json") == config)
  }
}
