import SinterTensors

/// Models that see.
extension ArchitectureSample {
  static let multimodal: [ArchitectureSample] = [gemma3, gemma3Renamed, qwenVL]

  static let gemma3 = makeGemma3(
    "gemma 3", text: "language_model.model.", vision: "vision_tower.vision_model.",
    projector: "multi_modal_projector.")
  /// As transformers 5 writes it.
  static let gemma3Renamed = makeGemma3(
    "gemma 3 of transformers 5", text: "model.language_model.", vision: "model.vision_tower.",
    projector: "model.multi_modal_projector.")

  private static func makeGemma3(
    _ name: String, text: String, vision: String, projector: String
  ) -> ArchitectureSample {
    var sample = ArchitectureSample(
      name,
      config: """
        {
          "architectures": ["Gemma3ForConditionalGeneration"],
          "model_type": "gemma3",
          "mm_tokens_per_image": 4,
          "text_config": {"hidden_size": 4, "model_type": "gemma3_text", "num_hidden_layers": 3,
            "sliding_window_pattern": 6, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}},
          "torch_dtype": "bfloat16",
          "vision_config": {"hidden_size": 4, "model_type": "siglip_vision_model",
            "num_hidden_layers": 2, "patch_size": 14}
        }
        """,
      stacks: [text + "layers.": 3, vision + "encoder.layers.": 2])
    sample.embedding(text + "embed_tokens.weight")
    for layer in 0..<3 {
      let prefix = text + "layers.\(layer)."
      sample.attention(prefix + "self_attn.", norms: true)
      sample.gated(prefix + "mlp.")
      sample.vectors(
        prefix,
        "input_layernorm.weight post_attention_layernorm.weight pre_feedforward_layernorm.weight "
          + "post_feedforward_layernorm.weight")
    }
    sample.vectors(text, "norm.weight")
    sample.add(projector + "mm_input_projection_weight", [hidden, hidden])
    sample.vectors(projector, "mm_soft_emb_norm.weight")
    sample.add(vision + "embeddings.patch_embedding.weight", [hidden, 3, 2, 2])
    sample.vectors(vision, "embeddings.patch_embedding.bias")
    sample.add(vision + "embeddings.position_embedding.weight", [5, hidden])
    for layer in 0..<2 {
      let prefix = vision + "encoder.layers.\(layer)."
      sample.linears(prefix + "self_attn.", "k_proj v_proj q_proj out_proj")
      sample.linears(prefix, "mlp.fc1", [inner, hidden])
      sample.linears(prefix, "mlp.fc2", [hidden, inner])
      sample.vectors(prefix, "layer_norm1.weight layer_norm1.bias layer_norm2.weight")
    }
    sample.vectors(vision + "post_layernorm.", "weight bias")
    return sample
  }

  /// The merger that projects images into the text lies within the vision tower.
  static let qwenVL: ArchitectureSample = {
    var sample = ArchitectureSample(
      "qwen2.5-vl",
      config: """
        {"architectures": ["Qwen2_5_VLForConditionalGeneration"], "model_type": "qwen2_5_vl",
         "hidden_size": 4, "num_hidden_layers": 3, "tie_word_embeddings": false,
         "torch_dtype": "bfloat16", "vision_config": {"depth": 2, "hidden_size": 4,
         "fullatt_block_indexes": [1]}, "vocab_size": 10}
        """,
      stacks: ["model.layers.": 3, "visual.blocks.": 2])
    sample.embedding("lm_head.weight")
    sample.embedding("model.embed_tokens.weight")
    for layer in 0..<3 {
      let prefix = "model.layers.\(layer)."
      sample.vectors(prefix, "input_layernorm.weight post_attention_layernorm.weight")
      sample.gated(prefix + "mlp.")
      sample.attention(prefix + "self_attn.")
      sample.vectors(prefix, "self_attn.q_proj.bias")
    }
    sample.vectors("model.", "norm.weight")
    for block in 0..<2 {
      let prefix = "visual.blocks.\(block)."
      sample.linears(prefix, "attn.qkv", [12, hidden])
      sample.linears(prefix, "attn.proj")
      sample.vectors(prefix, "norm1.weight norm2.weight")
      sample.gated(prefix + "mlp.")
    }
    sample.vectors("visual.merger.", "ln_q.weight")
    sample.linears("visual.merger.", "mlp.up")
    sample.add("visual.patch_embed.proj.weight", [hidden, 3, 2, 2])
    return sample
  }()
}
