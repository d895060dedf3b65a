import Testing

@testable import Sinter

@Suite struct AdapterTensorNameTests {
  private typealias Role = AdapterTensorName.Role

  @Test(arguments: [
    ("base_model.model.model.layers.0.q_proj.lora_A.weight", "model.layers.0.q_proj", 0, Role.a),
    ("base_model.model.model.layers.0.q_proj.lora_B.weight", "model.layers.0.q_proj", 0, .b),
    ("base_model.model.q_proj.lora_B.bias", "q_proj", 0, .biasOfB),
    ("base_model.model.q_proj.lora_A.default.weight", "q_proj", 0, .a),
    ("unet.q_proj.lora_A.weight", "unet.q_proj", 0, .a),
    ("base_model.model.wte.lora_embedding_A", "wte", 0, .embeddingA),
    ("base_model.model.wte.lora_embedding_B", "wte", 0, .embeddingB),
    ("base_model.model.q.lora_magnitude_vector", "q", 0, .magnitude),
    ("base_model.model.q.lora_magnitude_vector.weight", "q", 0, .magnitude),
    ("base_model.model.mlp.experts.base_layer.lora_A.weight", "mlp.experts", 1, .a),
    (
      "base_model.model.embed.token_adapter.trainable_tokens_delta", "embed", 0, .tokenRows
    ),
    ("base_model.model.lm_head.weight", "lm_head.weight", 0, .whole),
    ("base_model.model.lm_head.modules_to_save.weight", "lm_head.weight", 0, .whole),
    ("base_model.model.lm_head.modules_to_save.default.weight", "lm_head.weight", 0, .whole),
    ("base_model.model.q.base_layer.bias", "q.bias", 0, .whole),
  ])
  func `names of PEFT`(name: String, module: String, nesting: Int, role: AdapterTensorName.Role) {
    let found = AdapterTensorName(name, format: .peft)
    #expect(found?.module == module)
    #expect(found?.nesting == nesting)
    #expect(found?.role == role)
  }

  @Test(arguments: [
    "base_model.model.q.lora_A", "base_model.model.q.lora_A.other.weight", "lora_A.weight",
    "base_model.model.q.lora_E", "base_model.model.q.lora_diag", "a..b", "",
    "base_model.model.lm_head.original_module.weight", "base_model.model.q.lora_C.weight",
  ])
  func `other names are unknown`(name: String) {
    #expect(AdapterTensorName(name, format: .peft) == nil)
  }

  @Test func `names of MLX`() {
    let a = AdapterTensorName("model.layers.0.q_proj.lora_a", format: .mlx)
    #expect(a?.module == "model.layers.0.q_proj" && a?.role == .a)
    #expect(AdapterTensorName("q.lora_b", format: .mlx)?.role == .b)
    #expect(AdapterTensorName("q.m", format: .mlx)?.role == .magnitude)
    #expect(AdapterTensorName("q.weight", format: .mlx) == nil)
    #expect(AdapterTensorName("lora_a", format: .mlx) == nil)
  }
}
