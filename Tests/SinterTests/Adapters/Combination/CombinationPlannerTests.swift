import Foundation
import SinterTensors
import Testing

@testable import Sinter

/// What cannot be combined, and what is taken over as it is.
@Suite struct CombinationPlannerTests {
  private let run: CombinationRun

  init() throws {
    run = try CombinationRun()
    try run.write(TestAdapter([("layers.0.q", 3, 5)]), "a")
  }

  private func write(_ name: String, _ change: (inout TestAdapter) -> Void) throws {
    var adapter = TestAdapter([("layers.0.q", 3, 5)], seed: 9)
    change(&adapter)
    try run.write(adapter, name)
  }

  private func faults(_ name: String, weight: Double = 1) async -> [String] {
    await run.faults(run.recipe("concatenate", [("a", ""), (name, "weight: \(weight)")]))
  }

  // MARK: Faults

  @Test func `updates of different shapes`() async throws {
    try run.write(TestAdapter([("layers.0.q", 3, 6)]), "b")
    #expect(
      await faults("b") == [
        """
        b/adapter_model.safetensors: error: 'layers.0.q': the factors A [2, 6] and B [3, 2] are \
        for 6 inputs and 3 outputs, those of 'a' for 5 inputs and 3 outputs
        hint: combine adapters of one base model
        """
      ])
  }

  @Test func `a linear layer and an embedding`() async throws {
    try write("b") {
      $0.modules = []
      $0.extra = [
        TestTensor("base_model.model.layers.0.q.lora_embedding_A", .float32, [2, 5], seed: 1),
        TestTensor("base_model.model.layers.0.q.lora_embedding_B", .float32, [3, 2], seed: 1),
      ]
    }
    #expect(await faults("b").first?.contains("an embedding of 5 entries and 3 features") == true)
  }

  private func dora(_ change: (inout TestAdapter) -> Void = { _ in }) throws {
    try write("dora") {
      $0.settings["use_dora"] = "true"
      $0.extra = [
        TestTensor("base_model.model.layers.0.q.lora_magnitude_vector", .float32, [3], seed: 1)
      ]
      change(&$0)
    }
  }

  @Test func `magnitudes have no sum`() async throws {
    try dora()
    let text = """
      dora/adapter_model.safetensors: error: tensor \
      'base_model.model.layers.0.q.lora_magnitude_vector': the magnitudes of DoRA belong to a \
      base's weights and have no sum; they are taken over when one adapter is combined alone, at \
      weight 1 and without a smaller rank
      hint: merge models instead: a recipe of 'BASE+ADAPTER' models can weigh it
      """
    #expect(await faults("dora") == [text])
    let alone = run.recipe("concatenate", [("dora", "")])
    #expect(await run.faults(run.recipe("concatenate", [("dora", "weight: 0.5")])) == [text])
    #expect(await run.faults(run.recipe("ties", [("dora", "")])) == [text])
    #expect(await run.faults(alone, CombinationOptions(rank: 1)) == [text])
    #expect(await run.faults(alone, CombinationOptions(energy: 1)) == [text])
    #expect(try run.folder.names().filter { $0.hasPrefix("out") }.isEmpty)
    #expect(await run.faults(alone, CombinationOptions(rank: 2)) == [])
    #expect(await run.faults(run.recipe("linear", [("dora", "weight: 7")])) == [])
    let config = try run.folder.text("out/adapter_config.json")
    #expect(config.contains(#""use_dora": true"#))
  }

  private func writeRows(
    _ name: String, rows: String = "[1, 2]", seed: UInt64 = 1,
    _ change: (inout TestAdapter) -> Void = { _ in }
  ) throws {
    try write(name) {
      $0.settings["trainable_token_indices"] = rows
      $0.extra = [
        TestTensor(
          "base_model.model.embed.token_adapter.trainable_tokens_delta", .float32, [2, 4],
          seed: seed)
      ]
      change(&$0)
    }
  }

  @Test func `rows of tokens are taken over when they agree`() async throws {
    try writeRows("b")
    try writeRows("c")
    let summary = try await run.combine(
      run.recipe("concatenate", [("a", "weight: 0.5"), ("b", ""), ("c", "")]))
    #expect(summary.keptTensors == ["embed.weight"])
    let adapter = try AdapterReader.open(run.folder.appending("out"))
    #expect(adapter.tokenRows.map(\.rows) == [[1, 2]])
    #expect(
      adapter.tokenRows[0].tensor.name
        == "base_model.model.embed.token_adapter.trainable_tokens_delta")
    #expect(adapter.configuration.tokenIndices == [.init(module: nil, rows: [1, 2])])

    try writeRows("named", rows: #"{"embed": [1, 2]}"#)
    try await run.combine(run.recipe("concatenate", [("named", "")]))
    let named = try AdapterReader.open(run.folder.appending("out"))
    #expect(named.configuration.tokenIndices == [.init(module: "embed", rows: [1, 2])])
  }

  @Test func `rows of tokens that disagree are errors`() async throws {
    try writeRows("b")
    try writeRows("same")
    try writeRows("other", seed: 2)
    try writeRows("tokens", rows: "[1, 3]")
    try write("table") {
      $0.extra = [TestTensor("base_model.model.embed.weight", .float32, [9, 4], seed: 1)]
    }
    for (name, weight, text) in [
      ("same", 0.5, "is stored whole and can only be taken over with the weight 1"),
      ("other", 1, "is stored whole and differs from that of 'b'"),
      ("tokens", 1, "holds the rows of other tokens than that of 'b'"),
      ("table", 1, "holds rows of an embedding that an adapter changes as a whole"),
    ] {
      let faults = await run.faults(
        run.recipe("concatenate", [("b", ""), (name, "weight: \(weight)")]))
      #expect(faults.count == 1, "\(name): \(faults)")
      #expect(faults.first?.contains(text) == true, "\(faults)")
      #expect(faults.first?.contains("BASE+ADAPTER") == true)
    }
  }

  @Test func `all faults are told at once`() async throws {
    try run.write(TestAdapter([("layers.0.q", 3, 6), ("layers.1.q", 3, 5)]), "b")
    try run.write(TestAdapter([("layers.1.q", 4, 5)]), "c")
    let faults = await run.faults(
      run.recipe("concatenate", [("a", ""), ("b", ""), ("c", "")]))
    #expect(faults.count == 2)
    let missing = await run.faults(run.recipe("concatenate", [("x", ""), ("a", ""), ("y", "")]))
    #expect(missing.count == 2)
    #expect(missing.allSatisfy { $0.contains("does not exist; looked for") })
  }

  @Test func `factors that are not finite`() async throws {
    try write("b") {
      $0.modules = [
        .init(
          name: "layers.0.q",
          a: TestTensor(
            "base_model.model.layers.0.q.lora_A.weight", .float32, [2, 5],
            [1, .nan, 2, .infinity, 1, 1, 1, 1, 1, 1]),
          b: $0.modules[0].b)
      ]
    }
    #expect(
      await faults("b") == [
        """
        b/adapter_model.safetensors: error: tensor 'base_model.model.layers.0.q.lora_A.weight' \
        holds 2 values that are NaN or infinite
        hint: the adapter is damaged or diverged in training
        """
      ])
    #expect(try run.folder.names().filter { $0.hasPrefix("out") }.isEmpty)
  }

  @Test func `factors that the type cannot hold`() async throws {
    let faults = await run.faults(
      run.recipe("concatenate", [("a", "weight: 1.0e30")]), CombinationOptions(dtype: .float16))
    #expect(
      faults == [
        """
        error: 'layers.0.q': its factors do not fit in F16
        hint: choose --dtype float32 or bfloat16
        """
      ])
  }

  @Test func `a truncated file`() async throws {
    try write("b") { _ in }
    let bytes = try run.folder.bytes("b/adapter_model.safetensors")
    try Data(bytes.dropLast(8)).write(
      to: URL(fileURLWithPath: run.folder.appending("b/adapter_model.safetensors")))
    #expect(await faults("b").count == 1)
  }

  @Test func `too little memory`() async throws {
    try run.write(TestAdapter([("layers.0.q", 3, 60_000)], rank: 64), "b")
    let faults = await run.faults(
      run.recipe("concatenate", [("b", "")]), CombinationOptions(memory: 40 << 20))
    #expect(faults.count == 1)
    #expect(
      faults.first?.hasPrefix("error: 'layers.0.q' (3 x 60000, ranks that sum to 64) needs ")
        == true,
      "\(faults)")
  }

  // MARK: Recipes

  @Test(arguments: [
    ("merge_method: ties\nbase_model: x\nmodels:\n  - model: a\n", "2:13", "without a base"),
    (
      "merge_method: concatenate\nslices:\n  - sources:\n    - {model: a, layer_range: [0, 1]}\n",
      "2:1", "without slices and modules"
    ),
    ("merge_method: concatenate\nmodels:\n  - model: x+a\n", "3:12", "a model with an adapter"),
    ("merge_method: slerp\nmodels:\n  - model: a\n", "1:15", "unknown method 'slerp'"),
    (
      "merge_method: ties\nmodels:\n  - model: a\n    parameters: {densty: 1}\n", "4:18",
      "unknown parameter 'densty'"
    ),
    (
      "merge_method: concatenate\nparameters: {density: 0.5}\nmodels:\n  - model: a\n", "2:14",
      "unknown parameter 'density' for method 'concatenate'"
    ),
  ])
  func `recipes that are none for adapters`(text: String, place: String, message: String) async {
    let faults = await run.faults(text)
    #expect(faults.count == 1, "\(faults)")
    #expect(faults.first?.hasPrefix("r.yml:\(place): error: ") == true, "\(faults)")
    #expect(faults.first?.contains(message) == true, "\(faults)")
  }

  @Test func `weights that cancel cannot be normalized`() async throws {
    try write("b") { _ in }
    let faults = await run.faults(run.recipe("linear", [("a", ""), ("b", "weight: -1")]))
    #expect(faults.count == 1)
    #expect(faults.first?.contains("'layers.0.q': the weights 1, -1 sum to zero") == true)
  }

  @Test func `elements are not chosen from the whole model`() async throws {
    let faults = await run.faults(run.recipe("ties", [("a", "density: 0.5")], "semantics: paper"))
    #expect(faults.count == 1)
    #expect(faults.first?.contains("from the whole model") == true, "\(faults)")
  }

  @Test func `the recipe's dtype counts unless another is asked for`() throws {
    let recipe = run.recipe("concatenate", [("a", "")]) + "dtype: bfloat16\n"
    #expect(try run.plan(recipe).dtype == .bfloat16)
    #expect(try run.plan(recipe, CombinationOptions(dtype: .float16)).dtype == .float16)
  }

  // MARK: What is stored whole

  private func head(_ seed: UInt64) -> TestTensor {
    TestTensor("base_model.model.lm_head.weight", .bfloat16, [6, 5], seed: seed)
  }

  private func bias(_ seed: UInt64) -> TestTensor {
    TestTensor("base_model.model.layers.0.q.base_layer.bias", .float32, [3], seed: seed)
  }

  @Test func `what is stored whole by one, or alike by all, is taken over`() async throws {
    for name in ["b", "c"] {
      try write(name) {
        $0.settings["modules_to_save"] = #"["lm_head"]"#
        $0.settings["bias"] = #""lora_only""#
        $0.extra = [head(1), bias(1)]
      }
    }
    let summary = try await run.combine(
      run.recipe("concatenate", [("a", "weight: 0.5"), ("b", ""), ("c", "")]))
    #expect(summary.keptTensors == ["lm_head.weight", "layers.0.q.bias"])
    #expect(summary.remarks.contains { $0.message.contains("2 tensors that adapters store whole") })
    let adapter = try AdapterReader.open(run.folder.appending("out"))
    #expect(adapter.replacements.map(\.target) == ["lm_head.weight", "layers.0.q.bias"])
    #expect(try adapter.values(of: adapter.replacements[0].tensor) == head(1).values)
    #expect(try adapter.values(of: adapter.replacements[1].tensor) == bias(1).values)
    #expect(adapter.configuration.modulesToSave == ["lm_head"])
    #expect(adapter.configuration.bias == .targets)
  }

  @Test func `what is stored whole and differs, or has a weight, is an error`() async throws {
    try write("b") { $0.extra = [head(1)] }
    try write("c") { $0.extra = [head(2)] }
    var whole = TestAdapter([("layers.1.q", 3, 5)])
    whole.extra = [TestTensor("base_model.model.layers.0.q.weight", .float32, [3, 5], seed: 1)]
    try run.write(whole, "d")
    let differing = await run.faults(run.recipe("concatenate", [("b", ""), ("c", "")]))
    #expect(differing.count == 1)
    #expect(differing.first?.contains("is stored whole and differs from that of 'b'") == true)
    #expect(
      await faults("b", weight: 0.5).first?.contains("only be taken over with the weight 1")
        == true)
    #expect(
      await faults("d").first?.contains(
        "takes the place of a weight to which another adapter adds factors") == true)
  }

  @Test func `biases of other modules are taken over`() async throws {
    try write("e") {
      $0.extra = [TestTensor("base_model.model.layers.7.k.bias", .float32, [3], seed: 1)]
    }
    #expect(await faults("e", weight: 0.5).count == 1)
    let summary = try await run.combine(run.recipe("concatenate", [("a", ""), ("e", "")]))
    #expect(summary.keptTensors == ["layers.7.k.bias"])
    let adapter = try AdapterReader.open(run.folder.appending("out"))
    #expect(adapter.configuration.bias == .all)
    #expect(adapter.configuration.modulesToSave == [])
    #expect(adapter.replacements.map(\.target) == ["layers.7.k.bias"])
  }

  @Test func `a table that an adapter's own factors are added to is taken over`() async throws {
    try write("b") {
      $0.extra = [
        TestTensor("base_model.model.layers.0.q.base_layer.weight", .float32, [3, 5], seed: 1)
      ]
    }
    try await run.combine(run.recipe("concatenate", [("a", "weight: 0.5"), ("b", "")]))
    let adapter = try AdapterReader.open(run.folder.appending("out"))
    #expect(
      adapter.replacements.map(\.tensor.name) == [
        "base_model.model.layers.0.q.base_layer.weight"
      ])
    #expect(adapter.configuration.modulesToSave == [])
  }

  // MARK: Other kinds of modules

  @Test func `embeddings and convolutions add up`() async throws {
    for (name, rank, seed) in [("b", 2, 1), ("c", 1, 2)] as [(String, Int, UInt64)] {
      try write(name) {
        $0.modules = []
        $0.settings["r"] = "\(rank)"
        let prefix = "base_model.model."
        $0.extra = [
          TestTensor(prefix + "embed.lora_embedding_A", .float32, [rank, 9], seed: seed),
          TestTensor(prefix + "embed.lora_embedding_B", .float32, [4, rank], seed: seed),
          TestTensor(prefix + "conv.lora_A.weight", .float32, [rank, 2, 3, 3], seed: seed),
          TestTensor(prefix + "conv.lora_B.weight", .float32, [5, rank, 1, 1], seed: seed),
        ]
      }
    }
    let summary = try await run.combine(
      run.recipe("concatenate", [("b", "weight: 2"), ("c", "")]))
    #expect(summary.modules.map(\.shape) == [[9, 4], [5, 2, 3, 3]])
    let expected = CombinationRun.sum([(try run.updates("b"), 2), (try run.updates("c"), 1)])
    #expect(relativeDistance(try run.updates("out"), expected) < 1e-6)
    let stored = try TestTensor.read(run.folder.appending("out/adapter_model.safetensors"))
    let shapes = Dictionary(uniqueKeysWithValues: stored.map { ($0.name, $0.shape) })
    #expect(shapes["base_model.model.embed.lora_embedding_A"] == [3, 9])
    #expect(shapes["base_model.model.conv.lora_A.weight"] == [3, 2, 3, 3])
    #expect(shapes["base_model.model.conv.lora_B.weight"] == [5, 3, 1, 1])
  }

  @Test func `adapters of MLX become one of PEFT`() async throws {
    try run.folder.write(
      #"{"fine_tune_type": "lora", "lora_parameters": {"rank": 2, "scale": 3}}"#,
      to: "m/adapter_config.json")
    try TestTensor.write(
      [
        TestTensor("layers.0.q.lora_a", .float32, [5, 2], seed: 3),
        TestTensor("layers.0.q.lora_b", .float32, [2, 3], seed: 3),
      ], to: run.folder.appending("m/adapters.safetensors"))
    try await run.combine(run.recipe("concatenate", [("a", ""), ("m", "weight: 0.5")]))
    let expected = CombinationRun.sum([(try run.updates("a"), 1), (try run.updates("m"), 0.5)])
    #expect(relativeDistance(try run.updates("out"), expected) < 1e-6)
  }

  // MARK: Remarks

  @Test func `what only some change, and bases that differ, are told`() async throws {
    try write("b") { $0.settings["base_model_name_or_path"] = #""org/one""# }
    try run.write(
      {
        var adapter = TestAdapter([("layers.1.q", 3, 5)])
        adapter.settings["base_model_name_or_path"] = #""org/two""#
        return adapter
      }(), "c")
    let summary = try await run.combine(run.recipe("concatenate", [("b", ""), ("c", "")]))
    let texts = summary.remarks.map {
      $0.description.replacingOccurrences(of: run.folder.path + "/", with: "")
    }
    #expect(
      texts == [
        "warning: the adapters name different bases, 'org/one' and 'org/two': the result makes "
          + "sense only when these are the same weights",
        "note: 2 modules of 2 are changed by some of the adapters only; the others count as zero "
          + "there ('layers.0.q' is changed by 'b')",
      ])
  }
}
