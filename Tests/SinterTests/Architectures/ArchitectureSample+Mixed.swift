import SinterTensors

/// Models whose layers are not all alike, or that have no attention.
extension ArchitectureSample {
  static let mixed: [ArchitectureSample] = [qwen35, lfm2, mamba]

  /// Linear and full attention in turns, and a layer of its own stack that predicts several tokens.
  static let qwen35: ArchitectureSample = {
    var sample = ArchitectureSample(
      "qwen3.5",
      config: """
        {
          "architectures": ["Qwen3_5ForConditionalGeneration"],
          "model_type": "qwen3_5",
          "text_config": {
            "dtype": "bfloat16",
            "hidden_size": 4,
            "num_hidden_layers": 4,
            "full_attention_interval": 4,
            "layer_types": ["linear_attention", "linear_attention", "linear_attention", "full_attention"],
            "mtp_num_hidden_layers": 1,
            "vocab_size": 10
          },
          "tie_word_embeddings": true
        }
        """,
      stacks: ["model.language_model.layers.": 4, "mtp.layers.": 1])
    sample.embedding("model.language_model.embed_tokens.weight")
    for layer in 0..<4 {
      let prefix = "model.language_model.layers.\(layer)."
      sample.vectors(prefix, "input_layernorm.weight post_attention_layernorm.weight")
      sample.gated(prefix + "mlp.")
      if layer == 3 {
        sample.attention(prefix + "self_attn.", norms: true)
      } else {
        let own = prefix + "linear_attn."
        sample.add(own + "A_log", [2], .float32)
        sample.add(own + "dt_bias", [2])
        sample.add(own + "conv1d.weight", [8, 1, 4])
        sample.add(own + "in_proj_qkv.weight", [8, hidden])
        sample.add(own + "in_proj_z.weight", [hidden, hidden])
        sample.add(own + "norm.weight", [2], .float32)
        sample.squares(own, "out_proj.weight")
      }
    }
    sample.vectors("model.language_model.", "norm.weight")
    sample.add("mtp.fc.weight", [hidden, 2 * hidden])
    sample.attention("mtp.layers.0.self_attn.", norms: true)
    sample.gated("mtp.layers.0.mlp.")
    sample.vectors(
      "mtp.", "norm.weight pre_fc_norm_embedding.weight pre_fc_norm_hidden.weight")
    return sample
  }()

  /// Short convolutions in most layers; the norm behind the last layer is called an embedding's.
  static let lfm2: ArchitectureSample = {
    var sample = ArchitectureSample(
      "lfm2",
      config: """
        {"architectures": ["Lfm2ForCausalLM"], "model_type": "lfm2", "hidden_size": 4,
         "num_hidden_layers": 3, "full_attn_idxs": [1], "conv_L_cache": 3, "norm_eps": 1e-05,
         "layer_types": ["conv", "full_attention", "conv"],
         "tie_embedding": true, "torch_dtype": "bfloat16", "vocab_size": 10}
        """,
      stacks: ["model.layers.": 3])
    sample.embedding("model.embed_tokens.weight")
    sample.vectors("model.", "embedding_norm.weight")
    for layer in 0..<3 {
      let prefix = "model.layers.\(layer)."
      sample.vectors(prefix, "operator_norm.weight ffn_norm.weight")
      for name in ["w1", "w3"] {
        sample.add(prefix + "feed_forward.\(name).weight", [inner, hidden])
      }
      sample.add(prefix + "feed_forward.w2.weight", [hidden, inner])
      if layer == 1 {
        sample.squares(prefix, "self_attn.q_proj.weight self_attn.out_proj.weight")
        sample.add(prefix + "self_attn.k_layernorm.weight", [2])
      } else {
        sample.add(prefix + "conv.conv.weight", [hidden, 1, 3])
        sample.add(prefix + "conv.in_proj.weight", [3 * hidden, hidden])
        sample.squares(prefix, "conv.out_proj.weight")
      }
    }
    return sample
  }()

  /// State spaces: parameters that are no matrices, in float32 among bfloat16.
  static let mamba: ArchitectureSample = {
    var sample = ArchitectureSample(
      "mamba",
      config: """
        {"architectures": ["MambaForCausalLM"], "model_type": "mamba", "hidden_size": 4,
         "num_hidden_layers": 3, "n_layer": 3, "d_model": 4, "state_size": 2, "vocab_size": 10,
         "torch_dtype": "bfloat16"}
        """,
      stacks: ["backbone.layers.": 3])
    sample.embedding("backbone.embeddings.weight")
    for layer in 0..<3 {
      let prefix = "backbone.layers.\(layer)."
      sample.vectors(prefix, "norm.weight")
      sample.add(prefix + "mixer.A_log", [8, 2], .float32)
      sample.add(prefix + "mixer.D", [8], .float32)
      sample.add(prefix + "mixer.conv1d.weight", [8, 1, 4])
      sample.add(prefix + "mixer.conv1d.bias", [8])
      sample.add(prefix + "mixer.dt_proj.weight", [8, 1])
      sample.add(prefix + "mixer.dt_proj.bias", [8])
      sample.add(prefix + "mixer.in_proj.weight", [16, hidden])
      sample.add(prefix + "mixer.x_proj.weight", [5, 8])
      sample.add(prefix + "mixer.out_proj.weight", [hidden, 8])
    }
    sample.vectors("backbone.", "norm_f.weight")
    return sample
  }()
}
