import SinterTensors
import Testing

@testable import Sinter

/// Recipes with `modules:` for models of several parts.
@Suite struct ModuleArchitectureTests {
  /// A sample, and the modules of a recipe that names all of its parts, with what the tensors of
  /// each begin with; `""` stands for the rest.
  struct Case: Sendable, CustomTestStringConvertible {
    let sample: String
    let modules: [(name: String, prefixes: [String])]
    var testDescription: String { "\(sample): \(modules.map(\.name))" }
  }

  static let cases: [Case] = [
    Case(
      sample: "gemma 3",
      modules: [
        ("text_decoder", [""]), ("vision_tower", ["vision_tower."]),
        ("multi_modal_projector", ["multi_modal_projector."]),
      ]),
    Case(
      sample: "gemma 3 of transformers 5",
      modules: [
        ("multi_modal_projector", ["model.multi_modal_projector."]),
        ("vision_tower", ["model.vision_tower."]), ("text_decoder", [""]),
      ]),
    Case(
      sample: "gemma 3",
      modules: [
        ("language_model", ["language_model."]), ("vision_tower.vision_model", ["vision_tower."]),
        ("multi_modal_projector.", ["multi_modal_projector."]),
      ]),
    Case(
      sample: "qwen2.5-vl",
      modules: [
        ("text_decoder", [""]), ("vision_tower", ["visual."]),
        ("multi_modal_projector", ["visual.merger."]),
      ]),
    Case(sample: "qwen2.5-vl", modules: [("visual", ["visual."]), ("default", [""])]),
    Case(
      sample: "t5",
      modules: [("encoder", ["encoder."]), ("decoder", ["decoder."]), ("shared", ["shared."])]),
    Case(
      sample: "t5 v1.1",
      modules: [
        ("encoder", ["encoder."]), ("decoder", ["decoder."]), ("shared", ["shared.", "lm_head."]),
      ]),
    Case(
      sample: "whisper",
      modules: [("encoder", ["model.encoder."]), ("decoder", ["model.decoder."])]),
  ]

  @Test(arguments: cases)
  func `each module has its own models`(one: Case) async throws {
    let merge = try TestMerge()
    let sample = ArchitectureSample.named(one.sample)
    let a = sample.tensors(seed: 2)
    try merge.model("a", a, config: sample.config)
    for index in one.modules.indices {
      try merge.model("b\(index)", sample.tensors(seed: UInt64(10 + index)), config: sample.config)
    }
    // The base joins each list, so it is a weighted sum with 0 for the base.
    let recipe =
      "merge_method: linear\nbase_model: a\nparameters: {normalize: false, weight: 0}\nmodules:\n"
      + one.modules.enumerated().map { index, module in
        "  \(module.name): {models: [{model: b\(index), parameters: {weight: 1}}]}\n"
      }.joined()
    let results = try await merge.run(recipe)
    #expect(Set(results.map(\.name)) == Set(sample.entries.map(\.name)))
    for result in results {
      let owner = one.modules.indices.max {
        Self.length(one.modules[$0].prefixes, result.name)
          < Self.length(one.modules[$1].prefixes, result.name)
      }
      let source = sample.tensors(seed: UInt64(10 + (owner ?? 0)))
      #expect(source.first { $0.name == result.name }?.values == result.values, "\(result.name)")
    }
    let plan = try merge.plan(recipe)
    for (place, input) in plan.inputs.enumerated() {
      #expect(plan.ledger.inputs[place].count == input.checkpoint.tensors.count)
    }
  }

  /// How long the longest of some prefixes is that a name has; -1 for none.
  private static func length(_ prefixes: [String], _ name: String) -> Int {
    prefixes.filter { name.hasPrefix($0) }.map(\.count).max() ?? -1
  }

  @Test func `slices of modules renumber each stack by itself`() async throws {
    let merge = try TestMerge()
    let sample = ArchitectureSample.named("whisper")
    try merge.model("a", sample.tensors(seed: 2), config: sample.config)
    let results = try await merge.run(
      """
      merge_method: passthrough
      modules:
        encoder:
          slices:
            - sources: [{model: a, layer_range: [1, 2]}]
        decoder:
          slices:
            - sources: [{model: a, layer_range: [0, 3]}]
            - sources: [{model: a, layer_range: [1, 3]}]
      """)
    let config = try merge.folder.text("out/config.json")
    #expect(
      config.contains(#""encoder_layers": 1, "decoder_layers": 5, "num_hidden_layers": 1,"#))
    let source = sample.tensors(seed: 2)
    func values(_ tensors: [TestTensor], _ name: String) -> [Double]? {
      tensors.first { $0.name == name }?.values
    }
    for (output, layer) in [(0, 0), (1, 1), (2, 2), (3, 1), (4, 2)] {
      #expect(
        values(results, "model.decoder.layers.\(output).fc1.weight")
          == values(source, "model.decoder.layers.\(layer).fc1.weight"))
    }
    #expect(
      values(results, "model.encoder.layers.0.fc1.weight")
        == values(source, "model.encoder.layers.1.fc1.weight"))
    #expect(!results.contains { $0.name.hasPrefix("model.encoder.layers.1.") })
  }

  @Test func `a module that a recipe leaves out is an error`() throws {
    let merge = try TestMerge()
    let sample = ArchitectureSample.named("gemma 3")
    try merge.model("a", sample.tensors(seed: 2), config: sample.config)
    let faults = merge.faults(
      """
      merge_method: passthrough
      modules:
        text_decoder: {models: [{model: a}]}
        vision_tower: {models: [{model: a}]}
      """)
    #expect(
      faults == [
        """
        error: 2 tensors belong to no part of the recipe:
          multi_modal_projector.mm_input_projection_weight: [4, 4] in 'a'
          multi_modal_projector.mm_soft_emb_norm.weight: [4] in 'a'
        hint: name their module under 'modules:', or copy them with --on-missing base
        """
      ])
  }

  @Test func `a module that a recipe leaves out can be copied`() async throws {
    let merge = try TestMerge()
    let sample = ArchitectureSample.named("gemma 3")
    for (name, seed) in [("a", 2), ("b", 3)] as [(String, UInt64)] {
      try merge.model(name, sample.tensors(seed: seed), config: sample.config)
    }
    let results = try await merge.run(
      """
      merge_method: linear
      base_model: a
      parameters: {normalize: false, weight: 0}
      modules:
        text_decoder: {models: [{model: b, parameters: {weight: 1}}]}
      """, options: PlanOptions(onMissing: .base))
    for tensor in results {
      let isText = tensor.name.hasPrefix("language_model.")
      let source = sample.tensors(seed: isText ? 3 : 2).first { $0.name == tensor.name }
      #expect(tensor.values == source?.values)
    }
    #expect(results.count == sample.entries.count)
  }

  @Test func `an unknown module is an error with its place`() throws {
    let merge = try TestMerge()
    let sample = ArchitectureSample.named("gemma 3")
    try merge.model("a", sample.tensors(seed: 2), config: sample.config)
    let faults = merge.faults(
      """
      merge_method: passthrough
      modules:
        text_decoder: {models: [{model: a}]}
        visoin_tower: {models: [{model: a}]}
      """)
    #expect(
      faults == [
        """
        recipe.yml:4:3: error: model 'a' has no module 'visoin_tower'
        hint: it has 'text_decoder', 'multi_modal_projector', 'vision_tower'; a module can also be \
        named by the prefix of its tensors
        """
      ])
  }

  @Test(arguments: ["gemma 3", "qwen2.5-vl", "t5", "whisper"])
  func `slices of a model with several stacks are an error`(name: String) throws {
    let merge = try TestMerge()
    let sample = ArchitectureSample.named(name)
    try merge.model("a", sample.tensors(seed: 2), config: sample.config)
    let faults = merge.faults(
      """
      merge_method: passthrough
      slices:
        - sources: [{model: a, layer_range: [0, 2]}]
      """)
    let list = sample.stacks.sorted { $0.key < $1.key }
      .map { "'\($0.key.dropLast())' (\($0.value) layers)" }.joined(separator: ", ")
    #expect(
      faults == [
        """
        recipe.yml:3:15: error: model 'a' has several stacks of layers: \(list)
        hint: give the slices of each under 'modules:'
        """
      ])
  }
}
