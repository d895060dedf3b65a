import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct AdapterApplicationTests {
  private let merge: TestMerge

  init() throws {
    merge = try TestMerge()
  }

  private func weight(_ name: String, _ shape: [Int], seed: UInt64 = 5) -> TestTensor {
    TestTensor(name, .float32, shape, seed: seed, scale: 0.5)
  }

  private func write(_ adapter: TestAdapter, to name: String = "a") throws {
    try adapter.write(to: merge.folder.appending(name))
  }

  private func recipe(_ model: String = "base+a") -> String {
    "merge_method: passthrough\nmodels:\n  - model: \(model)\n"
  }

  /// Applies adapter `a` to `base` in float64.
  private func run(
    _ model: String = "base+a", options: PlanOptions = PlanOptions(dtype: .float64)
  ) async throws -> [String: TestTensor] {
    let tensors = try await merge.run(recipe(model), options: options)
    return Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
  }

  private func expect(
    _ result: TestTensor?, _ base: TestTensor, plus update: [Double], times scale: Double = 2,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = zip(result?.values ?? [], zip(base.values, update)).map {
      abs($0 - ($1.0 + scale * $1.1))
    }
    #expect(error.count == base.values.count, sourceLocation: sourceLocation)
    #expect(
      (error.max() ?? 0) < 1e-14, "\(base.name)", sourceLocation: sourceLocation)
  }

  // MARK: - Names

  @Test(arguments: [
    "language_model.model.layers.", "model.language_model.layers.", "transformer.layers.",
    "layers.",
  ])
  func `names under another prefix are found`(stack: String) async throws {
    let base = (0..<3).map { weight("\(stack)\($0).self_attn.q_proj.weight", [3, 5]) }
    try merge.model("base", base + [weight("\(stack)0.self_attn.o_proj.weight", [3, 4])])
    let adapter = TestAdapter(
      (0..<3).map { ("model.layers.\($0).self_attn.q_proj", 3, 5) })
    try write(adapter)
    let results = try await run()
    for (tensor, module) in zip(base, adapter.modules) {
      expect(results[tensor.name], tensor, plus: TestAdapter.product(module))
    }
  }

  @Test func `two towers that fit alike are not guessed between`() throws {
    try merge.model(
      "base",
      ["text.layers.0.q_proj.weight", "vision.layers.0.q_proj.weight"].map { weight($0, [3, 5]) })
    try write(TestAdapter([("model.layers.0.q_proj", 3, 5)]))
    #expect(
      merge.faults(recipe()) == [
        """
        a: error: 1 of 1 update of the adapter do not fit the model 'base':
          model.layers.0.q_proj.weight: the model has no such tensor
        """
      ])
  }

  @Test(arguments: [true, false])
  func `a tensor that one update names is not taken for another's`(isFirst: Bool) throws {
    try merge.model("base", [weight("model.layers.0.self_attn.q_proj.weight", [3, 5])])
    let names = ["model", "mtp"].map { "\($0).layers.0.self_attn.q_proj" }
    try write(TestAdapter((isFirst ? names : names.reversed()).map { ($0, 3, 5) }))
    let faults = [
      """
      a: error: 1 of 2 updates of the adapter do not fit the model 'base':
        mtp.layers.0.self_attn.q_proj.weight: the model has no such tensor
      """
    ]
    #expect(merge.faults(recipe()) == faults)
    // Neither when both have another prefix in the file.
    try merge.model(
      "base",
      (0..<2).map { weight("model.language_model.layers.\($0).self_attn.q_proj.weight", [3, 5]) })
    let more = ["model.layers.1.self_attn.q_proj"]
    try write(TestAdapter((isFirst ? names + more : names.reversed() + more).map { ($0, 3, 5) }))
    #expect(merge.faults(recipe()) == faults.map { $0.replacing("of 2", with: "of 3") })
  }

  @Test func `two updates of one tensor are told by name`() throws {
    try merge.model(
      "base", [weight("embed.weight", [3, 5])], config: #"{"tie_word_embeddings": false}"#)
    var adapter = TestAdapter([])
    adapter.settings["trainable_token_indices"] = "[1]"
    adapter.extra = ["", "base_layer."].map {
      TestTensor(
        "base_model.model.embed.\($0)token_adapter.trainable_tokens_delta", .float32, [1, 5],
        seed: 1)
    }
    try write(adapter)
    #expect(
      merge.faults(recipe()) == [
        """
        a: error: 1 of 2 updates of the adapter do not fit the model 'base':
          embed.weight: it is changed twice
        """
      ])
  }

  @Test func `the prefix by which most is found comes first`() async throws {
    let base = (0..<2).map {
      weight("model.language_model.layers.\($0).self_attn.q_proj.weight", [3, 5])
    }
    let extra = weight("model.mtp.layers.0.self_attn.q_proj.weight", [3, 5])
    try merge.model("base", base + [extra])
    let adapter = TestAdapter(
      ["mtp.layers.0", "model.layers.0", "model.layers.1"].map { ("\($0).self_attn.q_proj", 3, 5) })
    try write(adapter)
    let results = try await run()
    for (tensor, module) in zip([extra] + base, adapter.modules) {
      expect(results[tensor.name], tensor, plus: TestAdapter.product(module))
    }
  }

  // MARK: - Coverage

  @Test func `all that does not fit is told at once`() throws {
    try merge.model(
      "base",
      [
        weight("layers.0.q.weight", [3, 5]), weight("layers.1.q.weight", [3, 6]),
        TestTensor("layers.2.q.weight", .int64, [3, 5], Array(repeating: 1, count: 15)),
      ])
    var adapter = TestAdapter((0..<4).map { ("layers.\($0).q", 3, 5) })
    adapter.settings["base_model_name_or_path"] = #""org/base""#
    try write(adapter)
    #expect(
      merge.faults(recipe()) == [
        """
        a: error: 3 of 4 updates of the adapter do not fit the model 'base':
          layers.1.q.weight: the adapter is for [3, 5], the model's tensor is [3, 6]
          layers.2.q.weight: the model's tensor holds I64, not real numbers
          layers.3.q.weight: the model has no such tensor
        hint: the adapter was trained on 'org/base'
        """
      ])
  }

  @Test func `an adapter that changes nothing is an error`() throws {
    try merge.model("base", [weight("q.weight", [3, 5])])
    var adapter = TestAdapter([("q", 3, 5)])
    let b = adapter.modules[0].b
    adapter.modules = [
      TestAdapter.Module(
        name: "q", a: adapter.modules[0].a,
        b: TestTensor(b.name, b.dtype, b.shape, b.values.map { _ in 0 }))
    ]
    try write(adapter)
    #expect(
      merge.faults(recipe()).first?.hasPrefix(
        "a: error: the adapter changes nothing: all its updates are zero") == true)
    var other = TestAdapter([("q", 3, 5)])
    other.settings["lora_alpha"] = "0"
    try write(other)
    #expect(merge.faults(recipe()).count == 1)
  }

  @Test func `a bias that the model does not have`() throws {
    try merge.model("base", [weight("q.weight", [3, 5])])
    var adapter = TestAdapter([("q", 3, 5)])
    adapter.settings["lora_bias"] = "true"
    adapter.extra = [TestTensor("base_model.model.q.lora_B.bias", .float32, [3], [1, 2, 3])]
    try write(adapter)
    #expect(merge.faults(recipe()).first?.contains("q.bias: the model has no such tensor") == true)
  }

  @Test func `adapters that are missing are told with their places`() throws {
    try merge.model("base", [weight("q.weight", [3, 5])])
    let faults = merge.faults(recipe("base+x+y"))
    #expect(faults.count == 2)
    #expect(faults[0].hasPrefix("recipe.yml:3:12: error: adapter 'x' does not exist"))
  }

  // MARK: - What is left alone

  @Test func `tensors without an update are copied byte for byte`() async throws {
    let norm = TestTensor("norm.weight", .bfloat16, [4], seed: 1)
    let q = TestTensor("q.weight", .bfloat16, [3, 5], seed: 1)
    try merge.model("base", [norm, q])
    try write(TestAdapter([("q", 3, 5)]))
    let plan = try merge.plan(recipe())
    let operations = Dictionary(
      uniqueKeysWithValues: plan.tensors.map { ($0.name, $0.effectiveOperation) })
    guard case .copy? = operations["norm.weight"], case .merge? = operations["q.weight"] else {
      Issue.record("\(operations)")
      return
    }
    let results = try await run(options: PlanOptions())
    #expect(results["norm.weight"] == norm)
    #expect(results["q.weight"]?.dtype == .bfloat16 && results["q.weight"] != q)
  }

  @Test func `layers of a slice take the updates of the layers that they come from`() async throws {
    let base = (0..<3).map { weight("model.layers.\($0).mlp.q.weight", [3, 5], seed: UInt64($0)) }
    try merge.model("base", base, config: #"{"model_type": "t", "num_hidden_layers": 3}"#)
    let adapter = TestAdapter([("model.layers.0.mlp.q", 3, 5), ("model.layers.2.mlp.q", 3, 5)])
    try write(adapter)
    let text = """
      merge_method: passthrough
      slices:
        - sources: [{model: base+a, layer_range: [2, 3]}]
        - sources: [{model: base+a, layer_range: [1, 3]}]
      """
    let plan = try merge.plan(text, options: PlanOptions(dtype: .float64))
    #expect(plan.adapterOutcomes.map(\.updates) == [2])
    #expect(plan.adapterOutcomes.map(\.applied) == [1])
    let tensors = try await merge.run(text, options: PlanOptions(dtype: .float64))
    let last = TestAdapter.product(adapter.modules[1])
    expect(tensors[0], base[2], plus: last)
    #expect(tensors[1].values == base[1].values)
    expect(tensors[2], base[2], plus: last)
  }

  // MARK: - In merges

  @Test func `methods see updated models`() async throws {
    let base = weight("model.layers.0.q.weight", [3, 5])
    try merge.model("base", [base])
    let adapters = [1, 2].map { TestAdapter([("model.layers.0.q", 3, 5)], seed: $0) }
    try write(adapters[0], to: "a")
    try write(adapters[1], to: "b")
    let tensors = try await merge.run(
      """
      merge_method: task_arithmetic
      base_model: base
      models:
        - model: base+a
          parameters: {weight: 0.5}
        - model: {model: base, adapters: [{path: b, weight: 2}]}
          parameters: {weight: 0.25}
      dtype: float64
      """)
    let products = adapters.map { TestAdapter.product($0.modules[0]) }
    expect(
      tensors.first, base, plus: zip(products[0], products[1]).map { 0.5 * $0 + 0.25 * 2 * $1 })
  }

  @Test func `the plan's hash tells adapters and their weights apart`() throws {
    try merge.model("base", [weight("q.weight", [3, 5])])
    try write(TestAdapter([("q", 3, 5)]))
    let text = "merge_method: passthrough\nmodels:\n  - model: base+a\n"
    let digest = try merge.plan(text).digest
    #expect(try merge.plan(text).digest == digest)
    try write(TestAdapter([("q", 3, 5)], alpha: 5))
    #expect(try merge.plan(text).digest != digest)
    try write(TestAdapter([("q", 3, 5)], rank: 3, alpha: 6))
    #expect(try merge.plan(text).digest != digest)
  }

  @Test func `the manifest names adapters, weights and what they change`() async throws {
    try merge.model("base", [weight("q.weight", [3, 5])])
    try write(TestAdapter([("q", 3, 5)]))
    _ = try await run("{model: base, adapters: [{path: a, weight: 0.5}]}")
    let manifest = try merge.folder.text("out/sinter_manifest.json")
    #expect(manifest.contains(#""model": "base+a:0.5""#))
    #expect(manifest.contains(#""adapter": "a""#))
    #expect(manifest.contains(#""weight": 0.5"#))
    #expect(manifest.contains(#""updated": true"#))
  }
}
