import Foundation
import SinterTensors
import Testing

@testable import Sinter

@Suite struct ExtractionPlanTests {
  let models: ExtractionModels

  init() throws {
    models = try ExtractionModels()
  }

  private func tensor(_ name: String, _ shape: [Int], seed: UInt64) -> TestTensor {
    TestTensor(name, .float32, shape, seed: seed)
  }

  private static func config(_ type: String = "llama", tied: Bool? = nil, more: String = "")
    -> String
  {
    let tie = tied.map { #", "tie_word_embeddings": \#($0)"# } ?? ""
    return #"{"architectures": ["LlamaForCausalLM"], "model_type": "\#(type)"\#(tie)\#(more)}"#
  }

  // MARK: Faults

  @Test func `The same model twice is an error with a hint`() async throws {
    let base = [tensor("a.weight", [4, 4], seed: 1), tensor("n.weight", [4], seed: 1)]
    try models.write(base, base)
    #expect(
      await models.faults() == [
        "error: the two models hold the same weights: there is nothing to extract\n"
          + "hint: name the fine-tuned model first and its base second"
      ])
    #expect(!models.folder.exists("out") && !models.folder.exists("out.partial"))
    try models.write(base, [base[0], tensor("n.weight", [4], seed: 2)])
    #expect(await models.faults().first?.contains("differ only in what has no factors") == true)
    try models.write(base, [tensor("a.weight", [4, 4], seed: 2), base[1]])
    #expect(
      await models.faults { $0.excluded = ["a"] }.first?.contains("1 modules that differ are left")
        == true)
  }

  @Test func `Models with adapters are refused`() throws {
    let base = [tensor("a.weight", [4, 4], seed: 1)]
    try models.write(base, [tensor("a.weight", [4, 4], seed: 2)])
    try TestAdapter([("a", 4, 4)]).write(to: models.folder.appending("adapter"))
    let path = models.folder.appending("adapter")
    let open = { try CheckpointReader.open(models.folder.appending($0)) }
    let adapted = {
      try open($0).applying([WeightedAdapter(try AdapterReader.open(path), name: "chat")])
    }
    for (pair, name) in [
      ((try adapted("tuned"), try open("base")), "the fine-tuned model"),
      ((try open("tuned"), try adapted("base")), "the base"),
    ] {
      let error = try #require(throws: DiagnosticError.self) {
        try ExtractionPlan(
          finetuned: pair.0, base: pair.1, options: ExtractionOptions(rank: 2))
      }
      #expect(
        error.diagnostics.map(\.message) == [
          "\(name) has adapters ('chat') on it; only weights as they are stored can be subtracted"
        ])
      #expect(error.diagnostics.allSatisfy { $0.hint != nil })
    }
  }

  @Test func `All faults of headers are told at once, before weights are read`() async throws {
    let base = [
      tensor("a.weight", [4, 4], seed: 1), tensor("b.weight", [4, 4], seed: 1),
      tensor("c.weight", [4, 4], seed: 1), tensor("d.weight", [5, 4], seed: 1),
    ]
    try models.write(
      base,
      [
        tensor("a.weight", [4, 4], seed: 2), tensor("b.weight", [4, 6], seed: 2),
        TestTensor("c.weight", .int32, [4, 4], Array(repeating: 1, count: 16)),
      ], tunedConfig: Self.config(more: #", "quantization_config": {"quant_method": "gptq"}"#))
    let faults = await models.faults { $0.included = ["("] }
    #expect(faults.count == 5)
    for text in [
      "tuned: error: the fine-tuned model is quantized (gptq); its weights cannot be subtracted",
      "tuned: error: tensor 'b.weight' is [4, 6], in the base [4, 4]",
      "tuned: error: tensor 'c.weight' is I32, in the base F32",
      "tuned: error: tensor 'd.weight' of the base is missing: an adapter cannot take it away",
      "error: --include: '(' is not a regular expression",
    ] {
      #expect(faults.contains { $0.hasPrefix(text) }, "\(text)")
    }
  }

  @Test func `Patterns that mean nothing are errors`() async throws {
    let base = [tensor("a.weight", [4, 4], seed: 1)]
    try models.write(base, [tensor("a.weight", [4, 4], seed: 2)])
    for option in ["--include", "--save-module"] {
      let faults = await models.faults {
        if option == "--include" { $0.included = ["q_proj"] } else { $0.savedWhole = ["q_proj"] }
      }
      #expect(
        faults == [
          "error: \(option): 'q_proj' is found in no name of a module\n"
            + "hint: such names are 'a' and 'a'"
        ])
    }
  }

  @Test func `Too little memory is told before anything is read`() async throws {
    try models.write(
      [tensor("a.weight", [400, 300], seed: 1)], [tensor("a.weight", [400, 300], seed: 2)])
    let faults = await models.faults(rank: 100) { $0.memory = 33 << 20 }
    #expect(faults.count == 1)
    #expect(faults[0].hasPrefix("error: 'a' (400 x 300) needs "))
    #expect(faults[0].hasSuffix("hint: raise --memory, or choose a smaller --rank"))
  }

  @Test func `Tensors of no module have no place in an adapter`() async throws {
    let base = [tensor("a.weight", [4, 4], seed: 1), tensor("scale", [1], seed: 1)]
    try models.write(base, [tensor("a.weight", [4, 4], seed: 2), tensor("scale", [1], seed: 2)])
    #expect(
      await models.faults() == [
        "error: tensor 'scale' differs and belongs to no module, so that no adapter can hold it\n"
          + "hint: leave it out with --exclude '^$'"
      ])
    let summary = try await models.extract(rank: 2) { $0.excluded = ["^$"] }
    #expect(summary.modules.map(\.name) == ["a"])
  }

  @Test func `A difference that is not finite is told`() async throws {
    var values = TestTensor("a.weight", .float32, [4, 4], seed: 2).values
    values[3] = .nan
    try models.write(
      [tensor("a.weight", [4, 4], seed: 1)], [TestTensor("a.weight", .float32, [4, 4], values)])
    for rank in [1, 9] {
      #expect(
        await models.faults(rank: rank).first?.hasPrefix(
          "error: 'a': the difference of the two weights is NaN or infinite") == true)
    }
  }

  @Test func `Factors that a type cannot hold are told`() async throws {
    let values = (0..<16).map { Double($0) * 1e12 }
    try models.write(
      [tensor("a.weight", [4, 4], seed: 1)], [TestTensor("a.weight", .float32, [4, 4], values)])
    #expect(
      await models.faults(rank: 1) { $0.dtype = .float16 } == [
        "error: 'a': its factors do not fit in F16\nhint: choose --dtype float32 or bfloat16"
      ])
    #expect(try await models.extract(rank: 1) { $0.dtype = .bfloat16 }.modules.count == 1)
  }

  @Test func `An output that exists is left alone`() async throws {
    try models.write([tensor("a.weight", [4, 4], seed: 1)], [tensor("a.weight", [4, 4], seed: 2)])
    try models.folder.write("mine", to: "out/notes.txt")
    let faults = await models.faults { $0.overwrites = false }
    #expect(faults.first?.hasPrefix("out: error: the output exists already") == true)
    #expect(try models.folder.text("out/notes.txt") == "mine")
    #expect(await models.faults().first?.contains("not the output of a merge") == true)
  }

  @Test func `A run that is stopped leaves nothing behind`() async throws {
    let (base, tuned) = models.decoder(.float32)
    try models.write(base, tuned)
    let extraction = AdapterExtraction(plan: try models.plan(rank: 2))
    let path = models.folder.appending("out")
    let task = Task { try await extraction.run(into: path) }
    task.cancel()
    let result = await task.result
    #expect(throws: DiagnosticError.self) { try result.get() }
    #expect(try models.folder.names() == ["base", "tuned"])
  }

  // MARK: Vocabularies

  @Test func `A resized vocabulary is stored whole`() async throws {
    let name = "model.embed_tokens.weight"
    let tuned = [tensor(name, [12, 4], seed: 2), tensor("model.a.weight", [4, 4], seed: 2)]
    try models.write(
      [tensor(name, [10, 4], seed: 1), tensor("model.a.weight", [4, 4], seed: 1)], tuned)
    let summary = try await models.extract(rank: 2)
    #expect(summary.wholeModules == ["model.embed_tokens"])
    #expect(summary.modules.map(\.name) == ["model.a"])
    #expect(summary.remarks.contains { $0.message.contains("has 12 rows, in the base 10") })
    #expect(
      try models.adapterTensors()["base_model.model." + name]?.values == tuned[0].values)
  }

  @Test(arguments: ["model.embed_tokens", "transformer.wte"])
  func `A tied embedding is stored whole, for both uses`(module: String) async throws {
    let base = [
      tensor(module + ".weight", [10, 4], seed: 1), tensor("layers.0.a.weight", [4, 4], seed: 1),
    ]
    let tuned = [
      tensor(module + ".weight", [10, 4], seed: 2), tensor("layers.0.a.weight", [4, 4], seed: 2),
    ]
    // A head that is stored though it is tied is not looked at by those who load the model.
    try models.write(
      base, tuned + [tensor("lm_head.weight", [10, 4], seed: 3)], config: Self.config(tied: true))
    let summary = try await models.extract(rank: 9)
    #expect(summary.modules.map(\.name) == ["layers.0.a"])
    #expect(summary.remarks.contains { $0.message.contains("as their output head too") })
    let document = try models.configuration()
    let isKnown = module.hasSuffix("embed_tokens")
    #expect(document["ensure_weight_tying"] as? Bool == isKnown)
    #expect(document["modules_to_save"] as? [String] == (isKnown ? [module] : [module, "lm_head"]))
    let tensors = try models.adapterTensors()
    for name in [module, "lm_head"] {
      #expect(tensors["base_model.model.\(name).weight"]?.values == tuned[0].values)
    }
    // Our own reader takes it, and gives the fine-tuned model.
    let applied = try CheckpointReader.open(models.folder.appending("base"))
      .applying([WeightedAdapter(AdapterReader.open(models.folder.appending("out")))])
    #expect(applied.tensors.count == 2)
  }

  @Test func `A head of its own is held against the embedding that the base is tied to`()
    async throws
  {
    let name = "model.embed_tokens.weight"
    let base = [tensor(name, [10, 4], seed: 1)]
    let tuned = [tensor(name, [10, 4], seed: 1), tensor("lm_head.weight", [10, 4], seed: 3)]
    try models.write(
      base, tuned, config: Self.config(tied: true), tunedConfig: Self.config(tied: false))
    let summary = try await models.extract(rank: 9)
    #expect(summary.modules.map(\.name) == ["lm_head"])
    #expect(summary.remarks.contains { $0.message.contains("has to untie them") })
    #expect(try models.configuration()["ensure_weight_tying"] as? Bool == false)
    let applied = try models.applied(to: base + [tensor("lm_head.weight", [10, 4], seed: 1)])
    let head = try #require(applied["lm_head.weight"])
    let source = try models.tensor(name, base).values
    let start = tensor("lm_head.weight", [10, 4], seed: 1).values
    for (index, value) in tuned[1].values.enumerated() {
      #expect(abs(head[index] - start[index] + source[index] - value) < 1e-7)
    }
  }

  @Test func `A base with a head is held against the embedding that is tied`() async throws {
    let name = "model.embed_tokens.weight"
    let base = [tensor(name, [10, 4], seed: 1), tensor("lm_head.weight", [10, 4], seed: 3)]
    let tuned = [tensor(name, [10, 4], seed: 1)]
    try models.write(
      base, tuned, config: Self.config(tied: false), tunedConfig: Self.config(tied: true))
    let summary = try await models.extract(rank: 9)
    #expect(summary.modules.map(\.name) == ["lm_head"])
    let head = try #require(try models.applied(to: base)["lm_head.weight"])
    for (index, value) in tuned[0].values.enumerated() { #expect(abs(head[index] - value) < 1e-7) }
  }

  // MARK: Forms

  @Test func `Layers of GPT-2 are stored the other way round`() async throws {
    let shapes = [("h.0.attn.c_attn.weight", [6, 18]), ("h.0.mlp.c_proj.weight", [24, 6])]
    let base = shapes.map { tensor($0.0, $0.1, seed: 1) }
    let tuned = shapes.map { tensor($0.0, $0.1, seed: 2) }
    try models.write(base, tuned, config: Self.config("gpt2"))
    let summary = try await models.extract(rank: 3)
    #expect(
      summary.modules.map(\.name) == ["transformer.h.0.attn.c_attn", "transformer.h.0.mlp.c_proj"])
    #expect(try models.configuration()["fan_in_fan_out"] as? Bool == true)
    let tensors = try models.adapterTensors()
    let start = "base_model.model.transformer.h.0.attn.c_attn.lora_"
    let a = try #require(tensors[start + "A.weight"])
    let b = try #require(tensors[start + "B.weight"])
    #expect(a.shape == [3, 6] && b.shape == [18, 3])
    let product = MatrixSample.naiveProduct(
      Matrix(rows: 18, columns: 3, elements: b.values),
      Matrix(rows: 3, columns: 6, elements: a.values))
    var difference = Matrix(
      rows: 6, columns: 18, elements: zip(tuned[0].values, base[0].values).map { $0 - $1 })
    let norm = difference.squaredNorm.squareRoot()
    difference.add(product.transposed().elements, times: -1)
    #expect(
      abs(difference.squaredNorm.squareRoot() / norm - summary.modules[0].relativeError) < 1e-5)
  }

  @Test func `Convolutions keep their kernel, those in groups are stored whole`() async throws {
    let shapes = [
      ("conv.weight", [6, 3, 2, 2]), ("long.weight", [6, 4, 5]), ("depthwise.weight", [8, 1, 4]),
      ("wpe.weight", [8, 4]), ("layers.0.experts.gate_up_proj", [2, 4, 6]),
      ("layers.0.experts.router.weight", [2, 4]),
    ]
    let base = shapes.map { tensor($0.0, $0.1, seed: 1) }
    try models.write(base, shapes.map { tensor($0.0, $0.1, seed: 2) })
    let summary = try await models.extract(rank: 2)
    #expect(summary.modules.map(\.name) == ["conv", "long"])
    // What is inside of a module that is stored whole goes with it.
    #expect(summary.wholeModules == ["depthwise", "wpe", "layers.0.experts"])
    let tensors = try models.adapterTensors()
    #expect(tensors["base_model.model.conv.lora_A.weight"]?.shape == [2, 3, 2, 2])
    #expect(tensors["base_model.model.conv.lora_B.weight"]?.shape == [6, 2, 1, 1])
    #expect(tensors["base_model.model.long.lora_A.weight"]?.shape == [2, 4, 5])
    #expect(tensors["base_model.model.long.lora_B.weight"]?.shape == [6, 2, 1])
    #expect(tensors["base_model.model.layers.0.experts.router.weight"] != nil)
    #expect(tensors["base_model.model.layers.0.experts.gate_up_proj"] != nil)
  }

  @Test func `Names that end alike are stored along, as PEFT looks for them`() async throws {
    let base = [
      tensor("model.norm.weight", [4], seed: 1), tensor("vision_model.norm.weight", [4], seed: 1),
      tensor("model.a.weight", [4, 4], seed: 1),
    ]
    let tuned = [
      tensor("model.norm.weight", [4], seed: 2), base[1],
      tensor("model.a.weight", [4, 4], seed: 2),
    ]
    try models.write(base, tuned)
    let summary = try await models.extract(rank: 2)
    #expect(summary.wholeModules == ["model.norm", "vision_model.norm"])
    #expect(
      try models.adapterTensors()["base_model.model.vision_model.norm.weight"]?.values
        == base[1].values)
  }

  @Test func `Names follow the base where prefixes differ`() async throws {
    let names = ["layers.0.a.weight", "layers.1.a.weight", "norm.weight"]
    let base = names.map { tensor("model." + $0, $0 == "norm.weight" ? [4] : [4, 4], seed: 1) }
    let tuned = names.map {
      tensor("model.language_model." + $0, $0 == "norm.weight" ? [4] : [4, 4], seed: 2)
    }
    try models.write(base, tuned)
    let summary = try await models.extract(rank: 2)
    #expect(summary.modules.map(\.name) == ["model.layers.0.a", "model.layers.1.a"])
    #expect(summary.wholeModules == ["model.norm"])
    #expect(try models.adapterTensors()["base_model.model.model.norm.weight"] != nil)
  }

  @Test func `Types may differ between the two models`() async throws {
    let base = [
      TestTensor("a.weight", .bfloat16, [8, 8], seed: 1),
      TestTensor("b.weight", .bfloat16, [4, 4], seed: 1),
    ]
    // The second matrix has the same values in a wider type.
    let tuned = [
      TestTensor("a.weight", .float32, [8, 8], seed: 2),
      TestTensor("b.weight", .float32, [4, 4], base[1].values),
    ]
    try models.write(base, tuned)
    let summary = try await models.extract(rank: 8)
    #expect(summary.modules.map(\.name) == ["a"])
    let applied = try #require(try models.applied(to: base)["a.weight"])
    for (value, exact) in zip(applied, tuned[0].values) { #expect(abs(value - exact) < 1e-8) }
  }
}
