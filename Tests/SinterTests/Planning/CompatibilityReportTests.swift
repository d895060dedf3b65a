import SinterTensors
import Testing

@testable import Sinter

/// Inputs that do not belong together, and what the user is told.
@Suite struct CompatibilityReportTests {
  static let recipe = """
    merge_method: linear
    models:
      - model: a
        parameters: {weight: 1}
      - model: b
        parameters: {weight: 1}
    """

  static let stack = """
    merge_method: passthrough
    slices:
      - sources: [{model: a, layer_range: [0, 2]}]
      - sources: [{model: b, layer_range: [1, 3]}]
    """

  static let llama = ArchitectureSample.makeLlama("a", type: "llama", tied: false)
  static let hint =
    "hint: --on-missing base takes the base's tensors, --on-missing copy those of any model"

  private func faults(
    _ a: [TestTensor], _ b: [TestTensor], _ aConfig: String? = nil, _ bConfig: String? = nil,
    recipe: String = CompatibilityReportTests.recipe
  ) throws -> [String] {
    let merge = try TestMerge()
    try merge.model("a", a, config: aConfig)
    try merge.model("b", b, config: bConfig)
    return merge.faults(recipe)
  }

  private func tensor(_ name: String, _ shape: [Int], _ dtype: DType = .float32) -> TestTensor {
    TestTensor(name, dtype, shape, Array(repeating: 1, count: Shape(shape).elementCount))
  }

  // MARK: - Lists

  @Test func `missing tensors are listed, layers together`() throws {
    let all = Self.llama.tensors(seed: 2)
    let some = all.filter { !$0.name.contains("up_proj") && $0.name != "model.norm.weight" }
    #expect(
      try faults(all, some) == [
        """
        error: 4 tensors are missing in some models:
          model.layers.*.mlp.up_proj.weight (3 tensors): [6, 4] in 'a', not in 'b'
          model.norm.weight: [4] in 'a', not in 'b'
        \(Self.hint)
        """
      ])
    #expect(
      try faults(all.filter { $0.name != "model.layers.1.mlp.up_proj.weight" }, all) == [
        """
        error: 1 tensor is missing in some models:
          model.layers.1.mlp.up_proj.weight: [6, 4] in 'b', not in 'a'
        \(Self.hint)
        """
      ])
  }

  @Test func `experts are listed together`() throws {
    let own = ArchitectureSample.named("qwen3 moe").tensors(seed: 2)
    let fused = ArchitectureSample.named("qwen3 moe, fused experts").tensors(seed: 2)
    #expect(
      try faults(own, fused) == [
        """
        error: 16 tensors are missing in some models:
          model.layers.*.mlp.experts.*.gate_proj.weight (4 tensors): [3, 4] in 'a', not in 'b'
          model.layers.*.mlp.experts.*.up_proj.weight (4 tensors): [3, 4] in 'a', not in 'b'
          model.layers.*.mlp.experts.*.down_proj.weight (4 tensors): [4, 3] in 'a', not in 'b'
          model.layers.*.mlp.experts.gate_up_proj (2 tensors): [2, 4, 6] in 'b', not in 'a'
          model.layers.*.mlp.experts.down_proj (2 tensors): [2, 3, 4] in 'b', not in 'a'
        \(Self.hint)
        """
      ])
  }

  @Test func `different shapes are listed`() throws {
    #expect(
      try faults([tensor("x.weight", [2, 3])], [tensor("x.weight", [3, 2])]) == [
        """
        error: 1 tensor has different shapes:
          x.weight: [2, 3] in 'a', [3, 2] in 'b'
        """
      ])
  }

  @Test func `vocabularies of different size are named so`() throws {
    let names = ["model.embed_tokens.weight", "lm_head.weight"]
    #expect(
      try faults(
        names.map { tensor($0, [5, 3]) }, names.map { tensor($0, [6, 3]) },
        #"{"vocab_size": 5}"#, #"{"vocab_size": 6}"#)
        == [
          "error: 'a' (30 parameters) and 'b' (36 parameters) cannot be merged: vocab_size 5 vs 6",
          """
          error: 2 tensors have different shapes:
            model.embed_tokens.weight: [5, 3] in 'a', [6, 3] in 'b'
            lm_head.weight: [5, 3] in 'a', [6, 3] in 'b'
          hint: the vocabularies differ in size; aligning them is not supported yet
          """,
        ])
  }

  @Test func `whole numbers of different types are listed`() throws {
    #expect(
      try faults([tensor("ids", [3], .int64)], [tensor("ids", [3], .int32)]) == [
        """
        error: 1 tensor is not floating point and of different types:
          ids: I64 in 'a', I32 in 'b'
        """
      ])
  }

  @Test func `a number and a whole number do not merge`() throws {
    #expect(
      try faults([tensor("ids", [3], .int64)], [tensor("ids", [3])]) == [
        """
        error: 1 tensor is not floating point and of different types:
          ids: I64 in 'a', F32 in 'b'
        """
      ])
  }

  // MARK: - Reasons

  @Test func `models of other sizes are told apart in a sentence`() throws {
    let names = ["model.layers.0.mlp.up_proj.weight"]
    let found = try faults(
      names.map { tensor($0, [64, 32]) }, names.map { tensor($0, [256, 128]) },
      #"{"model_type": "llama", "hidden_size": 32, "intermediate_size": 64}"#,
      #"{"model_type": "llama", "hidden_size": 128, "intermediate_size": 256}"#)
    #expect(
      found == [
        "error: 'a' (2.0K parameters) and 'b' (32.8K parameters) cannot be merged: "
          + "hidden_size 32 vs 128, intermediate_size 64 vs 256",
        """
        error: 1 tensor has different shapes:
          model.layers.0.mlp.up_proj.weight: [64, 32] in 'a', [256, 128] in 'b'
        """,
      ])
  }

  @Test func `models of other architectures and depths are told apart in a sentence`() throws {
    let deep = ArchitectureSample.makeLlama(
      "b", type: "qwen3", tied: true, norms: true, layers: 5)
    let found = try faults(
      Self.llama.tensors(seed: 2), deep.tensors(seed: 3), Self.llama.config, deep.config)
    #expect(
      found.first
        == "error: 'a' (468 parameters) and 'b' (704 parameters) cannot be merged: "
        + "architecture llama vs qwen3, num_hidden_layers 3 vs 5")
    #expect(found.count == 2)
    #expect(found.last?.hasPrefix("error: 28 tensors are missing in some models:\n") == true)
  }

  @Test func `without configurations the names tell how many layers there are`() throws {
    let deep = ArchitectureSample.makeLlama("b", type: "llama", tied: false, layers: 5)
    #expect(
      try faults(Self.llama.tensors(seed: 2), deep.tensors(seed: 3)).first
        == "error: 'a' (468 parameters) and 'b' (724 parameters) cannot be merged: "
        + "3 vs 5 layers in 'model.layers'")
  }

  // MARK: - Stacks

  @Test func `layers of another architecture do not stack`() throws {
    let other = ArchitectureSample.makeLlama("b", type: "qwen3", tied: false, norms: true)
    #expect(
      try faults(
        Self.llama.tensors(seed: 2), other.tensors(seed: 3), Self.llama.config, other.config,
        recipe: Self.stack)
        == [
          "error: 'a' (468 parameters) and 'b' (480 parameters) cannot be merged: "
            + "architecture llama vs qwen3",
          """
          error: 4 tensors are missing in some models:
            model.layers.*.self_attn.q_norm.weight (2 tensors): [2] in 'b', not in 'a'
            model.layers.*.self_attn.k_norm.weight (2 tensors): [2] in 'b', not in 'a'
          \(Self.hint)
          """,
        ])
    #expect(
      try faults(
        other.tensors(seed: 3), Self.llama.tensors(seed: 2), other.config, Self.llama.config,
        recipe: Self.stack
      ).last
        == """
        error: 4 tensors are missing in some models:
          model.layers.*.self_attn.q_norm.weight (2 tensors): [2] in 'a', not in 'b'
          model.layers.*.self_attn.k_norm.weight (2 tensors): [2] in 'a', not in 'b'
        \(Self.hint)
        """)
  }

  @Test func `layers of another size do not stack`() throws {
    let wide = Self.llama.entries.map { tensor($0.name, $0.shape.map { $0 * 2 }) }
    let narrow = Self.llama.entries.map { tensor($0.name, $0.shape) }
    let found = try faults(narrow, wide, recipe: Self.stack)
    #expect(found.count == 1)
    #expect(
      found.first?.contains(
        "\n  model.layers.*.mlp.up_proj.weight (2 tensors): [6, 4] in 'a', [12, 8] in 'b'\n")
        == true)
    #expect(found.first?.contains("\n  lm_head.weight: [10, 4] in 'a', [20, 8] in 'b'") == true)
  }

  @Test func `ranges beyond the end are errors with their places`() throws {
    let tensors = Self.llama.tensors(seed: 2)
    let recipe = """
      merge_method: passthrough
      slices:
        - sources: [{model: a, layer_range: [0, 4]}]
        - sources: [{model: b, layer_range: [1, 9]}]
        - sources: [{model: b, layer_range: [1, 3]}]
      """
    #expect(
      try faults(tensors, tensors, recipe: recipe) == [
        """
        recipe.yml:3:39: error: layer_range ends at 4, but model 'a' has 3 layers
        hint: the end is not included: [0, 3] takes all layers
        """,
        """
        recipe.yml:4:39: error: layer_range ends at 9, but model 'b' has 3 layers
        hint: the end is not included: [0, 3] takes all layers
        """,
      ])
  }

  @Test func `a model without layers cannot be sliced`() throws {
    let plain = [tensor("x.weight", [2])]
    #expect(
      try faults(plain, plain, recipe: Self.stack) == [
        "recipe.yml:3:15: error: model 'a' has no numbered layers that could be sliced",
        "recipe.yml:4:15: error: model 'b' has no numbered layers that could be sliced",
      ])
  }

  // MARK: - Others

  @Test func `quantized models are refused, wherever the configuration says it`() throws {
    let x = [tensor("x", [3])]
    #expect(
      try faults(
        x, x, #"{"text_config": {"quantization_config": {"quant_method": "fp8"}}}"#,
        #"{"quantization": {"bits": 4}}"#)
        == [("3:12", "a", "fp8"), ("5:12", "b", "4 bits")].map { place, name, method in
          """
          recipe.yml:\(place): error: model '\(name)' is quantized (\(method)); its stored codes \
          are not weights that can be merged
          hint: use the unquantized release of the model
          """
        })
  }

  @Test func `a fault of parameters is told once`() throws {
    let tensors = Self.llama.tensors(seed: 2)
    let recipe = """
      merge_method: linear
      models:
        - model: a
          parameters: {weight: [{filter: mlp, value: 1}]}
        - model: b
          parameters: {weight: [{filter: mlp, value: -1}, {value: 1}]}
      """
    #expect(
      try faults(tensors, tensors, recipe: recipe) == [
        """
        recipe.yml:4:18: error: the required parameter 'weight' has no value for tensor \
        'model.embed_tokens.weight', and so for 20 other tensors
        hint: end its list of filters with an entry that has only a 'value'
        """,
        """
        recipe.yml:2:1: error: tensor 'model.layers.0.mlp.gate_proj.weight': the weights 1, -1 sum \
        to zero and cannot be normalized, and so for 8 other tensors
        hint: change a weight, or set 'normalize: false'
        """,
      ])
  }
}
