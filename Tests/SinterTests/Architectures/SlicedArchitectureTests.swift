import SinterTensors
import Testing

@testable import Sinter

/// Stacks layers of models of many architectures.
@Suite struct SlicedArchitectureTests {
  /// Models with one stack that slices can cut.
  static let samples = ArchitectureSample.all.filter { sample in
    ["t5", "t5 v1.1", "whisper", "gemma 3", "gemma 3 of transformers 5", "qwen2.5-vl"]
      .allSatisfy { $0 != sample.name }
  }

  @Test(arguments: samples)
  func `a stack takes its ends from the first and the last slice`(
    sample: ArchitectureSample
  ) async throws {
    let merge = try TestMerge()
    let sources = ["a": sample.tensors(seed: 2), "b": sample.tensors(seed: 3)]
    for (name, tensors) in sources { try merge.model(name, tensors, config: sample.config) }
    let recipe = """
      merge_method: passthrough
      slices:
        - sources: [{model: a, layer_range: [0, 2]}]
        - sources: [{model: b, layer_range: [1, 3]}]
      """
    let layers: [(model: String, layer: Int)] = [("a", 0), ("a", 1), ("b", 1), ("b", 2)]
    let (prefix, count) = try #require(sample.stacks.max { $0.value < $1.value })
    var expected: [String: (model: String, name: String)] = [:]
    for entry in sample.entries where !entry.name.hasPrefix(prefix) {
      expected[entry.name] = (Self.isFirst(entry.name) ? "a" : "b", entry.name)
    }
    for (output, source) in layers.enumerated() {
      for entry in sample.entries where entry.name.hasPrefix("\(prefix)\(source.layer).") {
        let suffix = entry.name.dropFirst("\(prefix)\(source.layer)".count)
        expected["\(prefix)\(output)\(suffix)"] = (source.model, entry.name)
      }
    }
    // What is stored behind the last layer goes with the end of the stack.
    for entry in sample.entries where entry.name.hasPrefix("\(prefix)\(count).") {
      let suffix = entry.name.dropFirst("\(prefix)\(count)".count)
      expected["\(prefix)\(layers.count + count - 3)\(suffix)"] = ("b", entry.name)
    }
    let results = try await merge.run(recipe)
    #expect(Set(results.map(\.name)) == Set(expected.keys))
    for result in results {
      let (model, name) = try #require(expected[result.name])
      let source = try #require(sources[model]?.first { $0.name == name })
      #expect(result.values == source.values, "\(result.name)")
      #expect(result.dtype == source.dtype)
    }
    let plan = try merge.plan(recipe)
    for (place, input) in plan.inputs.enumerated() {
      #expect(plan.ledger.inputs[place].count == input.checkpoint.tensors.count)
    }
  }

  /// Whether a tensor outside the layers comes before them.
  static func isFirst(_ name: String) -> Bool {
    ["embed_tokens", "embeddings.", "wte", "wpe", "position_ids"].contains { name.contains($0) }
  }

  @Test func `numbers of layers and lists with an entry for each are made anew`() async throws {
    let text = try await configuration(
      "qwen3.5", [[0, 4], [2, 4]],
      more: #""no_rope_layers": [1, 1, 1, 0],"#, after: #""hidden_size": 4,"#)
    #expect(text.contains(#""num_hidden_layers":6,"#))
    #expect(text.contains(#""no_rope_layers":[1,1,1,0,1,0],"#))
    let types = ["linear", "linear", "linear", "full", "linear", "full"]
      .map { "\"\($0)_attention\"" }.joined(separator: ",")
    #expect(text.contains("\"layer_types\":[\(types)],"))
    #expect(text.contains(#""mtp_num_hidden_layers":1,"#))
  }

  @Test func `lists of layers by number are made anew`() async throws {
    let text = try await configuration("qwen3 moe", [[0, 2], [1, 3]])
    #expect(text.contains(#""num_hidden_layers":4,"#))
    #expect(text.contains(#""mlp_only_layers":[1,2],"#))
    #expect(text.contains(#""max_window_layers":4,"#))
    let lfm2 = try await configuration("lfm2", [[1, 3], [1, 2]])
    #expect(lfm2.contains(#""full_attn_idxs":[0,2]"#))
    #expect(lfm2.contains(#""layer_types":["full_attention","conv","full_attention"]"#))
    let deepSeek = try await configuration("deepseek v3", [[0, 1], [0, 3]])
    #expect(deepSeek.contains(#""first_k_dense_replace":2,"#))
    #expect(deepSeek.contains(#""num_nextn_predict_layers":1,"#))
    let gpt2 = try await configuration("gpt2", [[0, 3], [0, 3]])
    #expect(gpt2.contains(#""n_layer":6,"n_positions":5"#))
  }

  @Test func `an order of layers that a configuration cannot express is told`() throws {
    let merge = try TestMerge()
    let sample = ArchitectureSample.named("deepseek v3")
    try merge.model("a", sample.tensors(seed: 2), config: sample.config)
    let plan = try merge.plan(
      """
      merge_method: passthrough
      slices:
        - sources: [{model: a, layer_range: [0, 3]}]
        - sources: [{model: a, layer_range: [0, 3]}]
      """)
    #expect(
      plan.remarks.map(\.message) == [
        "'first_k_dense_replace' tells by a layer's number how it is built, and the new order of "
          + "layers does not fit it: the output may not load"
      ])
    #expect(plan.configuration?.contains(#""first_k_dense_replace": 1,"#) == true)
  }

  /// The output's configuration of a stack of one model's layers.
  private func configuration(
    _ name: String, _ ranges: [[Int]], more: String = "", after: String = "{"
  ) async throws -> String {
    let merge = try TestMerge()
    let sample = ArchitectureSample.named(name)
    try merge.model(
      "a", sample.tensors(seed: 2),
      config: sample.config.replacing(after, with: after + more, maxReplacements: 1))
    let slices = ranges.map { "  - sources: [{model: a, layer_range: \($0)}]" }
    let recipe = "merge_method: passthrough\nslices:\n" + slices.joined(separator: "\n")
    try await merge.run(recipe)
    // Lists that are made anew need not be spaced as others are.
    return try merge.folder.text("out/config.json").replacing(" ", with: "")
  }

  @Test func `gradients run over each slice`() async throws {
    let merge = try TestMerge()
    let sample = ArchitectureSample.llama
    let (a, b) = (sample.tensors(seed: 2), sample.tensors(seed: 3))
    try merge.model("a", a, config: sample.config)
    try merge.model("b", b, config: sample.config)
    let results = try await merge.run(
      """
      merge_method: linear
      parameters: {normalize: false}
      dtype: float64
      slices:
        - sources:
            - {model: a, layer_range: [0, 2], parameters: {weight: [1, 3]}}
            - {model: b, layer_range: [1, 3], parameters: {weight: 0}}
        - sources:
            - {model: a, layer_range: [2, 3], parameters: {weight: [5, 7]}}
            - {model: b, layer_range: [0, 1], parameters: {weight: 0}}
      """)
    let factors = ["model.layers.0.": 1.0, "model.layers.1.": 3, "model.layers.2.": 7]
    for result in results {
      let ends = SlicedArchitectureTests.isFirst(result.name) ? 1.0 : 5
      let factor = factors.first { result.name.hasPrefix($0.key) }?.value ?? ends
      let source = try #require(a.first { $0.name == result.name })
      #expect(result.values == source.values.map { factor * $0 }, "\(result.name)")
    }
  }
}
