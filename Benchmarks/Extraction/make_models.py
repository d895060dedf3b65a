"""Makes a base model of half a billion parameters and a fine-tuned one, as large as Qwen2.5-0.5B.

The weights are random. Those of the fine-tuned model differ from the base as after training: by
a few strong directions, a long tail of weaker ones, and the rounding to bfloat16.

    python make_models.py FOLDER        writes FOLDER/base and FOLDER/finetuned
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

HIDDEN, INNER, LAYERS, KEYS, TOKENS = 896, 4864, 24, 128, 151936

CONFIG = {
    "architectures": ["Qwen2ForCausalLM"],
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "hidden_act": "silu",
    "hidden_size": HIDDEN,
    "initializer_range": 0.02,
    "intermediate_size": INNER,
    "max_position_embeddings": 32768,
    "model_type": "qwen2",
    "num_attention_heads": 14,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": TOKENS,
}


def shapes():
    yield "model.embed_tokens.weight", (TOKENS, HIDDEN)
    for layer in range(LAYERS):
        start = f"model.layers.{layer}"
        for name, rows, columns in [
            ("self_attn.q_proj", HIDDEN, HIDDEN),
            ("self_attn.k_proj", KEYS, HIDDEN),
            ("self_attn.v_proj", KEYS, HIDDEN),
            ("self_attn.o_proj", HIDDEN, HIDDEN),
            ("mlp.gate_proj", INNER, HIDDEN),
            ("mlp.up_proj", INNER, HIDDEN),
            ("mlp.down_proj", HIDDEN, INNER),
        ]:
            yield f"{start}.{name}.weight", (rows, columns)
            if name[-6:] in ("q_proj", "k_proj", "v_proj"):
                yield f"{start}.{name}.bias", (rows,)
        yield f"{start}.input_layernorm.weight", (HIDDEN,)
        yield f"{start}.post_attention_layernorm.weight", (HIDDEN,)
    yield "model.norm.weight", (HIDDEN,)


def change(shape, random):
    """Singular values that fall as 1 / k, over 64 directions, and noise as strong as the 20th."""
    rows, columns = shape
    left = torch.randn(rows, 64, generator=random)
    right = torch.randn(64, columns, generator=random)
    fall = 1 / torch.arange(1, 65)
    noise = torch.randn(rows, columns, generator=random) * 0.05
    size = (rows**0.5 + columns**0.5) / 2
    return ((left * fall) @ right / size * 0.5 + noise * 0.5 / size**0.5) * 0.01


def main(folder):
    random = torch.Generator().manual_seed(0)
    base, tuned = {}, {}
    for name, shape in shapes():
        if len(shape) == 1:
            weight = torch.ones(shape) if "norm" in name else torch.zeros(shape)
            base[name] = weight.bfloat16()
            tuned[name] = base[name].clone()
            continue
        weight = torch.randn(*shape, generator=random) * 0.02
        base[name] = weight.bfloat16()
        # The embedding stays as it is, as in most fine-tunings.
        same = name.startswith("model.embed")
        tuned[name] = base[name].clone() if same else (weight + change(shape, random)).bfloat16()
    for kind, tensors in [("base", base), ("finetuned", tuned)]:
        path = Path(folder) / kind
        path.mkdir(parents=True, exist_ok=True)
        save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})
        (path / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
        size = sum(tensor.numel() for tensor in tensors.values())
        print(f"{path}: {size / 1e6:.0f} million parameters")


if __name__ == "__main__":
    main(sys.argv[1])
