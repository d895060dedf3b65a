"""Makes the adapters of this folder with PEFT, and what each must make of the base model.

    python make.py                   # all cases, with PEFT 0.21
    python make.py --old             # only `experts_old`, with PEFT 0.18

Every expectation is computed here with NumPy in float64, from the stored numbers and the formulas of
the papers, and held against PEFT's own merge of the same model in float64.
"""
import json
import os
import shutil
import sys

import numpy as np
import peft
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.numpy import load_file, save_file
from torch import nn
from transformers.pytorch_utils import Conv1D

HERE = os.path.dirname(os.path.abspath(__file__))


class Experts(nn.Module):
    def __init__(self, count, hidden, inner):
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.zeros(count, 2 * inner, hidden))
        self.down_proj = nn.Parameter(torch.zeros(count, hidden, inner))

    def forward(self, x):
        return x


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = nn.Linear(6, 8)
        self.k_proj = nn.Linear(6, 6, bias=False)
        self.c_attn = Conv1D(9, 6)
        self.conv1 = nn.Conv1d(6, 4, 3)
        self.conv2 = nn.Conv2d(4, 5, (3, 2))
        self.point = nn.Conv2d(5, 3, 1)
        self.experts = Experts(3, 6, 5)
        self.square = Experts(2, 4, 4)


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(11, 6)
        self.layers = nn.ModuleList([Layer(), Layer()])
        self.norm = nn.LayerNorm(6)
        self.lm_head = nn.Linear(6, 11, bias=False)

    def get_output_embeddings(self):
        return self.lm_head

    def get_input_embeddings(self):
        return self.embed_tokens

    def forward(self, x):
        return x


def base_model():
    torch.manual_seed(7)
    model = Tiny()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model


def case(name, **settings):
    return name, LoraConfig(**{"r": 2, "lora_alpha": 3, "target_modules": ["q_proj", "k_proj"], **settings})


def cases():
    yield case("plain")
    yield case("bfloat16")
    yield case("root", r=3, lora_alpha=5, use_rslora=True)
    yield case(
        "patterns",
        rank_pattern={"k_proj": 3, r"layers\.[1-9]\.q_proj": 1},
        alpha_pattern={"^layers.0.q_proj": 7, "layers.1.k_proj": 1},
    )
    yield case("layers", layers_to_transform=[1], layers_pattern="layers")
    yield case("dora", use_dora=True)
    yield case("transposed", target_modules=["c_attn"], fan_in_fan_out=True)
    yield case("dora_transposed", target_modules=["c_attn"], fan_in_fan_out=True, use_dora=True)
    yield case("embedding", target_modules=["embed_tokens", "q_proj"])
    yield case("dora_embedding", target_modules=["embed_tokens"], use_dora=True)
    yield case("convolution", target_modules=["conv1", "conv2", "point"])
    yield case("dora_convolution", target_modules=["conv1", "conv2"], use_dora=True)
    yield case("bias_all", bias="all")
    yield case("bias_targets", bias="lora_only")
    yield case("bias_of_factor", target_modules=["q_proj"], lora_bias=True)
    yield case("saved_modules", modules_to_save=["lm_head", "norm"])
    yield case("tokens", trainable_token_indices=[7, 2, 10])
    yield case(
        "experts", target_modules=[], target_parameters=["experts.gate_up_proj", "experts.down_proj"],
        rank_pattern={"experts.gate_up_proj": 3})
    yield case("experts_square", target_modules=[], target_parameters=["square.down_proj"])


def old_cases():
    yield case(
        "experts_old", target_modules=[],
        target_parameters=["experts.gate_up_proj", "experts.down_proj"])
    yield case("experts_square_old", target_modules=[], target_parameters=["square.down_proj"])


def make(name, config):
    torch.manual_seed(sum(map(ord, name)))
    model = get_peft_model(base_model(), config)
    for key, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        with torch.no_grad():
            if "magnitude" in key:
                parameter.mul_(1 + 0.2 * torch.rand_like(parameter))
            else:
                parameter.add_(0.3 * torch.randn_like(parameter))
            if name == "bfloat16":
                parameter.copy_(parameter.bfloat16().float())
    folder = os.path.join(HERE, name)
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    for file in os.listdir(folder):
        if file == "README.md":
            os.remove(os.path.join(folder, file))
    if name == "bfloat16":
        from safetensors.torch import load_file as load, save_file as save
        path = os.path.join(folder, "adapter_model.safetensors")
        save({k: v.bfloat16() for k, v in load(path).items()}, path)
    # Read back from disk, in float64.
    loaded = PeftModel.from_pretrained(base_model().double(), folder).double()
    merged = {k: v.numpy() for k, v in loaded.merge_and_unload().state_dict().items()}
    expected = expectation(name)
    base = {k: v.astype(np.float64) for k, v in load_file(os.path.join(HERE, "base.safetensors")).items()}
    for key, value in base.items():
        mine = expected.get(key, value)
        error = np.abs(mine - merged[key]).max()
        assert error < 1e-12, (name, key, error)
    changed = {k: v for k, v in expected.items()}
    assert any(np.abs(v - base[k]).max() > 1e-3 for k, v in changed.items()), name
    save_file({k: np.ascontiguousarray(v) for k, v in changed.items()}, os.path.join(folder, "expected.safetensors"))
    print(name, sorted(changed))


def numbers(path):
    """Tensors of a file as float64, bfloat16 included."""
    from safetensors.torch import load_file as load
    return {k: v.double().numpy() for k, v in load(path).items()}


def expectation(name):
    import re
    folder = os.path.join(HERE, name)
    config = json.load(open(os.path.join(folder, "adapter_config.json")))
    tensors = {
        k.removeprefix("base_model.model."): v
        for k, v in numbers(os.path.join(folder, "adapter_model.safetensors")).items()
    }
    base = numbers(os.path.join(HERE, "base.safetensors"))
    result = {}

    def look_up(patterns, module, default):
        for key, value in (patterns or {}).items():
            if re.match(rf"(.*\.)?({key})$", module):
                return value
        return default

    def scale(module):
        rank = look_up(config["rank_pattern"], module, config["r"])
        alpha = look_up(config["alpha_pattern"], module, config["lora_alpha"])
        return alpha / np.sqrt(rank) if config["use_rslora"] else alpha / rank

    def norm_scaled(weight, magnitude, axes):
        norms = np.sqrt((weight ** 2).sum(axis=axes, keepdims=True))
        return magnitude.reshape(norms.shape) / norms * weight

    old = config["peft_version"].startswith("0.18")
    for key, value in tensors.items():
        if key.endswith(".lora_A.weight"):
            owner = key.removesuffix(".lora_A.weight")
            module = owner.replace(".base_layer", "")
            a, b = value, tensors[owner + ".lora_B.weight"]
            magnitude = tensors.get(owner + ".lora_magnitude_vector")
            if config["target_parameters"]:
                names = [p.split(".")[-1] for p in config["target_parameters"] if module.endswith(p.split(".")[0])]
                inner = owner.endswith(".base_layer")
                name_of = "gate_up_proj" if inner else "down_proj"
                assert name_of in names
                target = f"{module}.{name_of}"
                weight = base[target]
                experts = weight.shape[0]
                rank = a.shape[0] // experts
                update = np.zeros_like(weight)
                for e in range(experts):
                    product = b[:, [k * experts + e for k in range(rank)]] @ a[e * rank:(e + 1) * rank]
                    update[e] = product.T if old else product
                result[target] = weight + scale(target) * update
                continue
            target = module + ".weight"
            weight = result.get(target, base[target])
            if a.ndim > 2:
                update = (b.reshape(b.shape[0], -1) @ a.reshape(a.shape[0], -1)).reshape(weight.shape)
            else:
                update = b @ a
            if config["fan_in_fan_out"]:
                update = update.T
            updated = weight + scale(module) * update
            if magnitude is not None:
                axes = 0 if config["fan_in_fan_out"] else tuple(range(1, weight.ndim))
                updated = norm_scaled(updated, magnitude, axes)
            result[target] = updated
            if owner + ".lora_B.bias" in tensors:
                bias = module + ".bias"
                result[bias] = base[bias] + scale(module) * tensors[owner + ".lora_B.bias"]
        elif key.endswith(".lora_embedding_A"):
            module = key.removesuffix(".lora_embedding_A")
            target = module + ".weight"
            weight = tensors.get(module + ".base_layer.weight", base[target])
            updated = weight + scale(module) * (tensors[module + ".lora_embedding_B"] @ value).T
            if module + ".lora_magnitude_vector" in tensors:
                updated = norm_scaled(updated, tensors[module + ".lora_magnitude_vector"], 0)
            result[target] = updated
        elif key.endswith(".token_adapter.trainable_tokens_delta"):
            target = key.removesuffix(".token_adapter.trainable_tokens_delta") + ".weight"
            result[target] = base[target].copy()
            result[target][config["trainable_token_indices"]] = value
        elif "lora_" not in key:
            target = key.replace(".base_layer", "")
            if target not in result and not target.startswith("embed_tokens"):
                result[target] = value
    return result


def make_mlx(name, uses_magnitudes):
    """An adapter as MLX writes it, and its merge by the formulas of mlx-lm."""
    random = np.random.default_rng(len(name))
    base = numbers(os.path.join(HERE, "base.safetensors"))
    scale, rank = 1.5, 2
    tensors, expected = {}, {}
    for module in ["embed_tokens", "layers.1.q_proj", "layers.1.k_proj"]:
        weight = base[module + ".weight"]
        is_embedding = module == "embed_tokens"
        inputs, outputs = weight.shape if is_embedding else weight.shape[::-1]
        a = random.normal(size=(inputs, rank)).astype(np.float32)
        b = random.normal(size=(rank, outputs)).astype(np.float32)
        tensors[module + ".lora_a"], tensors[module + ".lora_b"] = a, b
        product = a.astype(np.float64) @ b.astype(np.float64)
        updated = weight + scale * (product if is_embedding else product.T)
        if uses_magnitudes:
            m = (1 + random.random(weight.shape[0])).astype(np.float32)
            tensors[module + ".m"] = m
            updated *= (m / np.linalg.norm(updated, axis=1))[:, None]
        expected[module + ".weight"] = updated
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    save_file(tensors, os.path.join(folder, "adapters.safetensors"))
    save_file(expected, os.path.join(folder, "expected.safetensors"))
    with open(os.path.join(folder, "adapter_config.json"), "w") as file:
        json.dump({
            "model": "tiny-4bit", "fine_tune_type": "dora" if uses_magnitudes else "lora",
            "num_layers": 1, "batch_size": 4, "seed": 0, "mask_prompt": True,
            "lora_parameters": {"rank": rank, "dropout": 0.0, "scale": scale},
        }, file, indent=2)


if __name__ == "__main__":
    if sys.argv[1:] == ["--old"]:
        assert peft.__version__.startswith("0.18"), peft.__version__
        for name, config in old_cases():
            make(name, config)
    else:
        save_file(
            {k: v.contiguous().numpy() for k, v in base_model().state_dict().items()},
            os.path.join(HERE, "base.safetensors"))
        for name, config in cases():
            make(name, config)
        make_mlx("mlx", False)
        make_mlx("mlx_dora", True)
