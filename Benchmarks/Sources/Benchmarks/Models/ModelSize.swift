import ArgumentParser
import Safetensors
import SinterTensors

/// The shape of a synthetic model: that of a Llama of about so many parameters.
enum ModelSize: String, CaseIterable, ExpressibleByArgument {
  /// 0.1 billion parameters: twelve layers of 768.
  case tenth = "0.1B"
  /// 1.1 billion parameters: the shape of TinyLlama.
  case one = "1.1B"
  /// 3.0 billion parameters: the shape of Llama 3.2 with a vocabulary of 32,000.
  case three = "3B"

  var hiddenSize: Int {
    switch self {
    case .tenth: 768
    case .one: 2048
    case .three: 3072
    }
  }

  var intermediateSize: Int {
    switch self {
    case .tenth: 2048
    case .one: 5632
    case .three: 8192
    }
  }

  var layers: Int {
    switch self {
    case .tenth: 12
    case .one: 22
    case .three: 28
    }
  }

  var heads: Int {
    switch self {
    case .tenth: 12
    case .one: 32
    case .three: 24
    }
  }

  var keyValueHeads: Int { self == .three ? 8 : 4 }

  static let vocabularySize = 32_000

  /// The tensors in the order in which the usual libraries write them, that of their names.
  var tensors: [TensorDeclaration] {
    let keys = keyValueHeads * hiddenSize / heads
    let square = [hiddenSize, hiddenSize]
    var shapes: [(name: String, dimensions: [Int])] = [
      ("lm_head.weight", [Self.vocabularySize, hiddenSize]),
      ("model.embed_tokens.weight", [Self.vocabularySize, hiddenSize]),
      ("model.norm.weight", [hiddenSize]),
    ]
    for layer in 0..<layers {
      shapes += [
        ("input_layernorm", [hiddenSize]), ("post_attention_layernorm", [hiddenSize]),
        ("self_attn.q_proj", square), ("self_attn.o_proj", square),
        ("self_attn.k_proj", [keys, hiddenSize]), ("self_attn.v_proj", [keys, hiddenSize]),
        ("mlp.gate_proj", [intermediateSize, hiddenSize]),
        ("mlp.up_proj", [intermediateSize, hiddenSize]),
        ("mlp.down_proj", [hiddenSize, intermediateSize]),
      ].map { ("model.layers.\(layer).\($0.0).weight", $0.1) }
    }
    return shapes.sorted { $0.name < $1.name }.map {
      TensorDeclaration(name: $0.name, dtype: .bfloat16, shape: Shape($0.dimensions))
    }
  }

  /// The text of `config.json`.
  var configuration: String {
    """
    {
      "architectures": ["LlamaForCausalLM"],
      "bos_token_id": 1,
      "eos_token_id": 2,
      "hidden_act": "silu",
      "hidden_size": \(hiddenSize),
      "initializer_range": 0.02,
      "intermediate_size": \(intermediateSize),
      "max_position_embeddings": 2048,
      "model_type": "llama",
      "num_attention_heads": \(heads),
      "num_hidden_layers": \(layers),
      "num_key_value_heads": \(keyValueHeads),
      "rms_norm_eps": 1e-05,
      "rope_theta": 10000.0,
      "tie_word_embeddings": false,
      "torch_dtype": "bfloat16",
      "use_cache": true,
      "vocab_size": \(Self.vocabularySize)
    }

    """
  }
}
