import SinterTensors

/// Models that read a whole text or sound at once, and those that write after it.
extension ArchitectureSample {
  static let encoders: [ArchitectureSample] = [bert, t5, t5Gated, whisper]

  /// Masked language model: whole numbers that must agree, and a head with a bias of its own.
  static let bert: ArchitectureSample = {
    var sample = ArchitectureSample(
      "bert",
      config: """
        {"architectures": ["BertForMaskedLM"], "model_type": "bert", "hidden_size": 4,
         "intermediate_size": 6, "num_hidden_layers": 3, "num_attention_heads": 2,
         "type_vocab_size": 2, "vocab_size": 10, "layer_norm_eps": 1e-12}
        """,
      stacks: ["bert.encoder.layer.": 3])
    sample.add("bert.embeddings.position_ids", [1, 5], .int64)
    sample.embedding("bert.embeddings.word_embeddings.weight")
    sample.add("bert.embeddings.position_embeddings.weight", [5, hidden])
    sample.add("bert.embeddings.token_type_embeddings.weight", [2, hidden])
    sample.vectors("bert.embeddings.LayerNorm.", "weight bias")
    for layer in 0..<3 {
      let prefix = "bert.encoder.layer.\(layer)."
      sample.linears(
        prefix + "attention.", "self.query self.key self.value output.dense")
      sample.vectors(prefix + "attention.output.LayerNorm.", "weight bias")
      sample.linears(prefix, "intermediate.dense", [inner, hidden])
      sample.linears(prefix, "output.dense", [hidden, inner])
      sample.vectors(prefix + "output.LayerNorm.", "weight bias")
    }
    sample.linears("bert.", "pooler.dense")
    sample.add("cls.predictions.bias", [vocabulary])
    sample.linears("cls.predictions.", "transform.dense")
    sample.vectors("cls.predictions.transform.LayerNorm.", "weight bias")
    sample.linears("cls.", "seq_relationship", [2, hidden])
    return sample
  }()

  static let t5 = makeT5("t5", isGated: false)
  static let t5Gated = makeT5("t5 v1.1", isGated: true)

  /// Layers within blocks, and a table of positions in the first block only.
  private static func makeT5(_ name: String, isGated: Bool) -> ArchitectureSample {
    var sample = ArchitectureSample(
      name,
      config: """
        {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "d_model": 4,
         "d_ff": 6, "d_kv": 2, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 2,
         "feed_forward_proj": "\(isGated ? "gated-gelu" : "relu")",
         "tie_word_embeddings": \(!isGated), "vocab_size": 10}
        """,
      stacks: ["encoder.block.": 2, "decoder.block.": 3])
    sample.embedding("shared.weight")
    for (part, count) in [("encoder", 2), ("decoder", 3)] {
      for block in 0..<count {
        let prefix = "\(part).block.\(block).layer."
        sample.squares(prefix + "0.SelfAttention.", "q.weight k.weight v.weight o.weight")
        if block == 0 {
          sample.add(prefix + "0.SelfAttention.relative_attention_bias.weight", [8, 2])
        }
        sample.vectors(prefix, "0.layer_norm.weight")
        var last = 1
        if part == "decoder" {
          sample.squares(prefix + "1.EncDecAttention.", "q.weight k.weight v.weight o.weight")
          sample.vectors(prefix, "1.layer_norm.weight")
          last = 2
        }
        for input in isGated ? ["wi_0", "wi_1"] : ["wi"] {
          sample.add(prefix + "\(last).DenseReluDense.\(input).weight", [inner, hidden])
        }
        sample.add(prefix + "\(last).DenseReluDense.wo.weight", [hidden, inner])
        sample.vectors(prefix, "\(last).layer_norm.weight")
      }
      sample.vectors("\(part).", "final_layer_norm.weight")
    }
    if isGated { sample.embedding("lm_head.weight") }
    return sample
  }

  /// Sound in, text out.
  static let whisper: ArchitectureSample = {
    var sample = ArchitectureSample(
      "whisper",
      config: """
        {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper",
         "d_model": 4, "encoder_layers": 2, "decoder_layers": 3, "num_hidden_layers": 2,
         "encoder_ffn_dim": 6, "decoder_ffn_dim": 6, "num_mel_bins": 3, "vocab_size": 10,
         "torch_dtype": "float16"}
        """,
      stacks: ["model.encoder.layers.": 2, "model.decoder.layers.": 3])
    for (part, count) in [("encoder", 2), ("decoder", 3)] {
      let own = "model.\(part)."
      if part == "encoder" {
        sample.add(own + "conv1.weight", [hidden, 3, 3])
        sample.vectors(own, "conv1.bias")
        sample.add(own + "conv2.weight", [hidden, hidden, 3])
        sample.vectors(own, "conv2.bias")
      } else {
        sample.embedding(own + "embed_tokens.weight")
      }
      sample.add(own + "embed_positions.weight", [5, hidden])
      for layer in 0..<count {
        let prefix = own + "layers.\(layer)."
        for attention in part == "decoder" ? ["self_attn", "encoder_attn"] : ["self_attn"] {
          sample.squares(prefix, "\(attention).k_proj.weight")
          sample.linears(prefix + "\(attention).", "v_proj q_proj out_proj")
          sample.vectors(prefix + "\(attention)_layer_norm.", "weight bias")
        }
        sample.linears(prefix, "fc1", [inner, hidden])
        sample.linears(prefix, "fc2", [hidden, inner])
        sample.vectors(prefix + "final_layer_norm.", "weight bias")
      }
      sample.vectors(own + "layer_norm.", "weight bias")
    }
    return sample
  }()
}
