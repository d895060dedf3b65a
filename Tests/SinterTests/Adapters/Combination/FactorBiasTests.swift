import Foundation
import SinterTensors
import Testing

@testable import Sinter

/// Biases of B (`lora_bias`): vectors that are combined beside the factors.
@Suite struct FactorBiasTests {
  private let run: CombinationRun

  init() throws {
    run = try CombinationRun()
    try write("a", rank: 2, seed: 1)
    try write("b", rank: 3, seed: 2)
    try run.write(TestAdapter([("layers.0.q", 7, 5), ("layers.0.o", 4, 7)], seed: 3), "plain")
  }

  private func write(
    _ name: String, rank: Int, seed: UInt64, _ change: (inout TestAdapter) -> Void = { _ in }
  ) throws {
    var adapter = TestAdapter(
      [("layers.0.q", 7, 5), ("layers.1.q", 7, 5)], rank: rank, seed: seed)
    adapter.settings["lora_bias"] = "true"
    adapter.extra = ["layers.0.q", "layers.1.q"].map {
      TestTensor("base_model.model.\($0).lora_B.bias", .float32, [7], seed: seed + 10, scale: 0.3)
    }
    change(&adapter)
    try run.write(adapter, name)
  }

  /// A model of zeros, of which all that remains is the update.
  private func writeModel(biases: [String]) throws {
    let shapes: [(String, [Int])] = [
      ("layers.0.q.weight", [7, 5]), ("layers.1.q.weight", [7, 5]), ("layers.0.o.weight", [4, 7]),
    ]
    try TestTensor.write(
      shapes.map { TestTensor($0.0, .float64, $0.1, Array(repeating: 0, count: $0.1[0] * $0.1[1])) }
        + biases.map { TestTensor($0, .float64, [7], Array(repeating: 0, count: 7)) },
      to: run.folder.appending("zero.safetensors"))
  }

  private func applied(_ adapters: [(String, Double)]) async throws -> [String: TestTensor] {
    try await AdapterFixtures.apply(
      adapters.map { (run.folder.appending($0.0), $0.1) }, dtype: .float64,
      to: run.folder.appending("zero.safetensors")
    ).tensors
  }

  private func expectSame(_ left: [String: TestTensor], _ right: [String: TestTensor]) {
    #expect(Set(left.keys) == Set(right.keys))
    for (name, tensor) in right {
      for (value, exact) in zip(left[name]?.values ?? [], tensor.values) {
        #expect(abs(value - exact) < 2e-6, "\(name)")
      }
    }
  }

  @Test func `biases add up, each times its scale and weight`() async throws {
    try writeModel(biases: ["layers.0.q.bias", "layers.1.q.bias"])
    let weights = [("a", 0.5), ("b", -1.5), ("plain", 2.0)]
    let summary = try await run.combine(
      run.recipe("concatenate", weights.map { ($0.0, "weight: \($0.1)") }))
    let results = try await applied([("out", 1)])
    expectSame(results, try await applied(weights))
    let bias = try #require(results["layers.1.q.bias"])
    let (a, b) = (
      TestTensor("base_model.model.layers.1.q.lora_B.bias", .float32, [7], seed: 11, scale: 0.3),
      TestTensor("base_model.model.layers.1.q.lora_B.bias", .float32, [7], seed: 12, scale: 0.3)
    )
    for i in 0..<7 {
      #expect(abs(bias.values[i] - (0.5 * 2 * a.values[i] - 1.5 * 4 / 3 * b.values[i])) < 1e-6)
    }
    #expect(
      summary.remarks.map(\.message).contains(
        "1 module, such as 'layers.0.o', gets a bias of B that is zero, because 'lora_bias' holds "
          + "for all"))
    let adapter = try AdapterReader.open(run.folder.appending("out"))
    #expect(adapter.configuration.hasFactorBias)
    #expect(adapter.modules.map { $0.bias != nil } == [true, true, true])
    #expect(adapter.modules.map(\.scale) == [1, 1, 1])
  }

  @Test(arguments: ["ties", "dare_linear", "dare_ties", "della_linear", "breadcrumbs"])
  func `elements of biases are merged as those of models are`(method: String) async throws {
    try writeModel(biases: ["layers.0.q.bias", "layers.1.q.bias"])
    try await run.combine(
      run.recipe(method, [("a", "weight: 0.5, density: 0.6"), ("b", "density: 0.7")]),
      CombinationOptions(rank: 5, seed: 4))
    let merged = try await run.merge(
      method, [("a", "weight: 0.5, density: 0.6"), ("b", "weight: 1, density: 0.7")],
      base: "zero.safetensors", seed: 4)
    expectSame(try await applied([("out", 1)]), merged)
  }

  @Test func `a bias of zeros needs no bias of the model, any other does`() async throws {
    try writeModel(biases: ["layers.0.q.bias", "layers.1.q.bias"])
    try await run.combine(run.recipe("concatenate", [("a", ""), ("plain", "")]))
    #expect(try await applied([("out", 1)]).keys.count == 5)
    try writeModel(biases: ["layers.0.q.bias"])
    await #expect(throws: DiagnosticError.self) { try await applied([("out", 1)]) }
  }

  @Test func `updates of biases alone are a change`() async throws {
    try write("c", rank: 2, seed: 5) { adapter in
      adapter.modules = adapter.modules.map { module in
        TestAdapter.Module(
          name: module.name, a: module.a,
          b: TestTensor(module.b.name, .float32, [7, 2], Array(repeating: 0, count: 14)))
      }
    }
    #expect(await run.faults(run.recipe("concatenate", [("c", "")])) == [])
  }

  @Test func `what no adapter of PEFT has beside biases is an error`() async throws {
    var embedding = TestAdapter([])
    embedding.extra = [
      TestTensor("base_model.model.embed.lora_embedding_A", .float32, [2, 9], seed: 1),
      TestTensor("base_model.model.embed.lora_embedding_B", .float32, [4, 2], seed: 1),
    ]
    try run.write(embedding, "embedding")
    var experts = TestAdapter([])
    experts.addExperts("l.experts.down_proj", (2, 4, 5))
    try run.write(experts, "experts")
    let hint =
      "hint: merge models instead: a recipe of 'BASE+ADAPTER' models applies it to the weights"
    #expect(
      await run.faults(run.recipe("concatenate", [("a", ""), ("embedding", "")])) == [
        "embedding/adapter_model.safetensors: error: 'embed': an embedding cannot have factors in "
          + "an adapter of PEFT with biases of B ('lora_bias')\n" + hint
      ])
    #expect(
      await run.faults(run.recipe("concatenate", [("a", ""), ("experts", "")])) == [
        "experts/adapter_model.safetensors: error: 'l.experts.down_proj': a parameter cannot have "
          + "factors in an adapter of PEFT with biases of B ('lora_bias')\n" + hint
      ])
    #expect(
      await run.faults(run.recipe("knots", [("a", ""), ("b", "")])) == [
        "error: biases of B ('lora_bias') have no basis to share, so that 'knots' does not combine "
          + "them\nhint: choose another method"
      ])
  }

  @Test func `a bias that is not finite is an error`() async throws {
    try write("c", rank: 2, seed: 5) {
      $0.extra[0] = TestTensor(
        $0.extra[0].name, .float32, [7], [1, 2, .nan, 4, 5, 6, 7])
    }
    #expect(
      await run.faults(run.recipe("concatenate", [("c", "")])) == [
        """
        c/adapter_model.safetensors: error: tensor 'base_model.model.layers.0.q.lora_B.bias' \
        holds 1 value that is NaN or infinite
        hint: the adapter is damaged or diverged in training
        """
      ])
  }
}
