import SinterTensors

/// Models that read a text from left to right with one stack of equal layers.
extension ArchitectureSample {
  static let decoders: [ArchitectureSample] = [
    llama, qwen3, phi3, gpt2, gpt2Headed, mixtral, qwen3MoE, qwen3MoEFused, deepSeek, scored,
  ]

  private static func llamaConfig(
    _ architecture: String, _ type: String, layers: Int = 3, tied: Bool, more: String = ""
  ) -> String {
    """
    {
      "architectures": ["\(architecture)"],
      "model_type": "\(type)",
      "hidden_size": 4,
      "intermediate_size": 6,
      "num_hidden_layers": \(layers),
      "num_attention_heads": 2,
      "num_key_value_heads": 1,
      "vocab_size": 10,
      "rms_norm_eps": 1e-05,
      "tie_word_embeddings": \(tied),\(more)
      "torch_dtype": "bfloat16"
    }
    """
  }

  static let llama = makeLlama("llama", type: "llama", tied: false)

  static let qwen3 = makeLlama("qwen3", type: "qwen3", tied: true, norms: true)

  /// The Llama family of dense models.
  static func makeLlama(
    _ name: String, type: String, tied: Bool, norms: Bool = false, layers: Int = 3,
    more: String = ""
  ) -> ArchitectureSample {
    var sample = ArchitectureSample(
      name,
      config: llamaConfig(
        "\(type.prefix(1).uppercased() + type.dropFirst())ForCausalLM", type, layers: layers,
        tied: tied, more: more),
      stacks: ["model.layers.": layers])
    sample.embedding("model.embed_tokens.weight")
    for layer in 0..<layers {
      let prefix = "model.layers.\(layer)."
      sample.vectors(prefix, "input_layernorm.weight")
      sample.gated(prefix + "mlp.")
      sample.vectors(prefix, "post_attention_layernorm.weight")
      sample.attention(prefix + "self_attn.", norms: norms)
    }
    sample.vectors("model.", "norm.weight")
    if !tied { sample.embedding("lm_head.weight") }
    return sample
  }

  /// Fused projections.
  static let phi3: ArchitectureSample = {
    var sample = ArchitectureSample(
      "phi3",
      config: llamaConfig(
        "Phi3ForCausalLM", "phi3", tied: false, more: "\n  \"sliding_window\": 2047,"),
      stacks: ["model.layers.": 3])
    sample.embedding("model.embed_tokens.weight")
    for layer in 0..<3 {
      let prefix = "model.layers.\(layer)."
      sample.vectors(prefix, "input_layernorm.weight post_attention_layernorm.weight")
      sample.add(prefix + "self_attn.qkv_proj.weight", [8, hidden])
      sample.squares(prefix, "self_attn.o_proj.weight")
      sample.add(prefix + "mlp.gate_up_proj.weight", [2 * inner, hidden])
      sample.add(prefix + "mlp.down_proj.weight", [hidden, inner])
    }
    sample.vectors("model.", "norm.weight")
    sample.embedding("lm_head.weight")
    return sample
  }()

  static let gpt2 = makeGPT2("gpt2", prefix: "")
  static let gpt2Headed = makeGPT2("gpt2 with transformer.", prefix: "transformer.")

  /// Conv1D matrices (inputs first), causal masks as buffers, a tied head that is not stored.
  private static func makeGPT2(_ name: String, prefix: String) -> ArchitectureSample {
    var sample = ArchitectureSample(
      name,
      config: """
        {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_embd": 4, "n_head": 2,
         "n_layer": 3, "n_positions": 5, "n_ctx": 5, "vocab_size": 10,
         "layer_norm_epsilon": 1e-05, "resid_pdrop": 0.1}
        """,
      stacks: ["\(prefix)h.": 3])
    for layer in 0..<3 {
      let own = "\(prefix)h.\(layer)."
      sample.add(own + "attn.bias", [1, 1, 5, 5], .bool)
      sample.add(own + "attn.c_attn.weight", [hidden, 3 * hidden], .float32)
      sample.add(own + "attn.c_attn.bias", [3 * hidden], .float32)
      sample.add(own + "attn.c_proj.weight", [hidden, hidden], .float32)
      sample.add(own + "attn.c_proj.bias", [hidden], .float32)
      for norm in ["ln_1", "ln_2"] {
        sample.add(own + "\(norm).weight", [hidden], .float32)
        sample.add(own + "\(norm).bias", [hidden], .float32)
      }
      sample.add(own + "mlp.c_fc.weight", [hidden, inner], .float32)
      sample.add(own + "mlp.c_fc.bias", [inner], .float32)
      sample.add(own + "mlp.c_proj.weight", [inner, hidden], .float32)
      sample.add(own + "mlp.c_proj.bias", [hidden], .float32)
    }
    sample.add(prefix + "ln_f.weight", [hidden], .float32)
    sample.add(prefix + "ln_f.bias", [hidden], .float32)
    sample.add(prefix + "wpe.weight", [5, hidden], .float32)
    sample.add(prefix + "wte.weight", [vocabulary, hidden], .float32)
    return sample
  }

  static let mixtral: ArchitectureSample = {
    var sample = ArchitectureSample(
      "mixtral",
      config: llamaConfig(
        "MixtralForCausalLM", "mixtral", tied: false,
        more: "\n  \"num_local_experts\": 2,\n  \"num_experts_per_tok\": 1,"),
      stacks: ["model.layers.": 3])
    sample.embedding("model.embed_tokens.weight")
    for layer in 0..<3 {
      let prefix = "model.layers.\(layer)."
      sample.add(prefix + "block_sparse_moe.gate.weight", [2, hidden])
      for expert in 0..<2 {
        let own = prefix + "block_sparse_moe.experts.\(expert)."
        sample.add(own + "w1.weight", [inner, hidden])
        sample.add(own + "w2.weight", [hidden, inner])
        sample.add(own + "w3.weight", [inner, hidden])
      }
      sample.vectors(prefix, "input_layernorm.weight post_attention_layernorm.weight")
      sample.attention(prefix + "self_attn.")
    }
    sample.vectors("model.", "norm.weight")
    sample.embedding("lm_head.weight")
    return sample
  }()

  static let qwen3MoE = makeQwen3MoE("qwen3 moe", isFused: false)
  static let qwen3MoEFused = makeQwen3MoE("qwen3 moe, fused experts", isFused: true)

  /// Experts one by one, and a layer without experts; or all experts of a layer in one tensor.
  private static func makeQwen3MoE(_ name: String, isFused: Bool) -> ArchitectureSample {
    var sample = ArchitectureSample(
      name,
      config: llamaConfig(
        "Qwen3MoeForCausalLM", "qwen3_moe", tied: false,
        more: """

            "num_experts": 2,
            "num_experts_per_tok": 1,
            "moe_intermediate_size": 3,
            "decoder_sparse_step": 1,
            "mlp_only_layers": [1],
            "max_window_layers": 3,
          """),
      stacks: ["model.layers.": 3])
    sample.embedding("model.embed_tokens.weight")
    for layer in 0..<3 {
      let prefix = "model.layers.\(layer)."
      sample.vectors(prefix, "input_layernorm.weight post_attention_layernorm.weight")
      sample.attention(prefix + "self_attn.", norms: true)
      guard layer != 1 else {
        sample.gated(prefix + "mlp.")
        continue
      }
      sample.add(prefix + "mlp.gate.weight", [2, hidden])
      if isFused {
        sample.add(prefix + "mlp.experts.gate_up_proj", [2, hidden, 6])
        sample.add(prefix + "mlp.experts.down_proj", [2, 3, hidden])
      } else {
        for expert in 0..<2 { sample.gated(prefix + "mlp.experts.\(expert).", 3) }
      }
    }
    sample.vectors("model.", "norm.weight")
    sample.embedding("lm_head.weight")
    return sample
  }

  /// A layer behind the last one that predicts a second token, numbered as one of them.
  static let deepSeek: ArchitectureSample = {
    var sample = ArchitectureSample(
      "deepseek v3",
      config: llamaConfig(
        "DeepseekV3ForCausalLM", "deepseek_v3", tied: false,
        more: """

            "n_routed_experts": 2,
            "first_k_dense_replace": 1,
            "num_nextn_predict_layers": 1,
            "moe_layer_freq": 1,
          """),
      stacks: ["model.layers.": 3])
    sample.embedding("model.embed_tokens.weight")
    for layer in 0..<4 {
      let prefix = "model.layers.\(layer)."
      sample.add(prefix + "self_attn.q_a_proj.weight", [3, hidden])
      sample.add(prefix + "self_attn.q_a_layernorm.weight", [3])
      sample.add(prefix + "self_attn.q_b_proj.weight", [hidden, 3])
      sample.add(prefix + "self_attn.kv_a_proj_with_mqa.weight", [3, hidden])
      sample.squares(prefix, "self_attn.o_proj.weight")
      sample.vectors(prefix, "input_layernorm.weight post_attention_layernorm.weight")
      if layer == 0 {
        sample.gated(prefix + "mlp.")
      } else {
        sample.add(prefix + "mlp.gate.weight", [2, hidden])
        sample.add(prefix + "mlp.gate.e_score_correction_bias", [2], .float32)
        for expert in 0..<2 { sample.gated(prefix + "mlp.experts.\(expert).", 3) }
        sample.gated(prefix + "mlp.shared_experts.", 3)
      }
      guard layer == 3 else { continue }
      sample.embedding(prefix + "embed_tokens.weight")
      sample.add(prefix + "eh_proj.weight", [hidden, 2 * hidden])
      sample.vectors(prefix, "enorm.weight hnorm.weight shared_head.norm.weight")
      sample.embedding(prefix + "shared_head.head.weight")
    }
    sample.vectors("model.", "norm.weight")
    sample.embedding("lm_head.weight")
    return sample
  }()

  /// A classifier of sequences on a Llama.
  static let scored: ArchitectureSample = {
    var sample = makeLlama("llama with a score head", type: "llama", tied: true)
    sample.add("score.weight", [2, hidden])
    return sample
  }()
}
