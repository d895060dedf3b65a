"""Loads the adapters that the program writes in PEFT, and holds what they do against NumPy.

    python load_adapter_in_peft.py --sinter PATH --examples Examples/skills

Combines the five adapters of the examples in several ways and extracts one from a fine-tuned
model, loads each in PEFT on top of the base, merges it there in float64, and compares every weight
with what follows from the files. What `combine` puts side by side is held against the sum of the
adapters that went in, not against its own factors. A small model with packed experts and biases,
made here, does the same with adapters that PEFT wrote for both. Needs: torch, transformers, peft,
safetensors, numpy. Prints one line for each check and, last, `N passed, N failed`; leaves with 1 when a check
failed.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import numpy as np
import torch
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

import reference

PREFIX = "base_model.model."


class Checks:
    """Counts what passed and what failed, and says which."""

    def __init__(self):
        self.passed, self.failed = 0, 0

    def check(self, what, holds, detail=""):
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        tail = f" ({detail})" if detail else ""
        print(f"{'ok  ' if holds else 'FAIL'} {what}{tail}", flush=True)


def values(tensor):
    """The numbers of a stored tensor, in its shape."""
    return tensor.values().reshape(tensor.shape)


def updates(folder):
    """What an adapter adds to the weights of linear layers and embeddings, in float64."""
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    stored = reference.read_tensors(folder / "adapter_model.safetensors")
    found = {}
    for name, tensor in stored.items():
        module, _, kind = name.rpartition(".lora_")
        if kind not in ("A.weight", "embedding_A"):
            continue
        b = values(stored[f"{module}.lora_{kind.replace('A', 'B')}"])
        a, key = values(tensor), module.removeprefix(PREFIX)
        rank = config["rank_pattern"].get(key, config["r"])
        alpha = config["alpha_pattern"].get(key, config["lora_alpha"])
        assert a.shape[0] == rank, f"{module}: rank {a.shape[0]}, said to be {rank}"
        scale = alpha / (math.sqrt(rank) if config["use_rslora"] else rank)
        product = scale * b @ a
        found[key + ".weight"] = product.T if kind == "embedding_A" else product
    return found


def whole(folder):
    """The tensors that an adapter stores whole."""
    stored = reference.read_tensors(folder / "adapter_model.safetensors")
    return {n.removeprefix(PREFIX): values(t) for n, t in stored.items() if ".lora_" not in n}


def merged_in_peft(base, folder):
    """The weights of the base with an adapter merged by PEFT, and what loading complained of."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float64)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(model, folder)
    complaints = [str(w.message) for w in caught if "adapter keys" in str(w.message)]
    model = model.merge_and_unload()
    return {n: p.detach().numpy() for n, p in model.named_parameters()}, complaints


def compare(checks, what, base, folder, changes, replaced=None, tolerance=1e-6):
    """Holds PEFT's merge against the base with changes."""
    weights, complaints = merged_in_peft(base, folder)
    checks.check(f"{what}: PEFT finds all its tensors", not complaints, "; ".join(complaints))
    worst = 0.0
    for name, tensor in reference.read_checkpoint(base).items():
        start = (replaced or {}).get(name, values(tensor))
        expected = start + changes.get(name, 0)
        size = np.abs(changes[name]).max() if name in changes else np.abs(start).max()
        worst = max(worst, np.abs(weights[name] - expected).max() / max(size, 1e-30))
    unknown = [name for name in changes if name not in weights]
    checks.check(f"{what}: every update reaches a weight", not unknown, ", ".join(unknown))
    checks.check(f"{what}: the merged weights", worst <= tolerance, f"{worst:.1e} of the largest")


def run(sinter, *arguments):
    subprocess.run([sinter, *map(str, arguments), "--quiet"], check=True)


def combined(checks, sinter, base, adapters, parts, work):
    """The five adapters, side by side and in other ways."""
    weights = [1, 0.5, -0.75, 0.4, 1.5]
    named = [f"{adapters / part}:{weight}" for part, weight in zip(parts, weights)]
    inputs = [updates(adapters / part) for part in parts]
    total = {
        name: sum(w * one[name] for w, one in zip(weights, inputs)) for name in inputs[0]
    }
    out = work / "combined"
    run(sinter, "adapter", "combine", *named, out)
    kind = PeftConfig.from_pretrained(out)
    checks.check("combine: the configuration", kind.r == 36 and kind.lora_alpha == 36, str(kind.r))
    compare(checks, "combine", base, out, total)
    for name, options, bound in [
        ("cut", ["--rank", 12], 0.6),
        ("energy", ["--energy", 0.9], 0.33),
        ("ties", ["--method", "ties", "--density", 0.5, "--rank", 24], None),
        ("knots", ["--method", "knots", "--density", 0.7], None),
        ("half", ["--dtype", "bfloat16"], 0.01),
    ]:
        out = work / name
        run(sinter, "adapter", "combine", *named, out, *options)
        written = updates(out)
        compare(checks, f"combine, {name}", base, out, written)
        if bound is None:
            continue
        missing = math.sqrt(sum(((written[n] - total[n]) ** 2).sum() for n in total))
        error = missing / math.sqrt(sum((total[n] ** 2).sum() for n in total))
        said = json.loads((out / "sinter_manifest.json").read_text())["relative_error"]
        checks.check(
            f"combine, {name}: the error",
            error <= bound and abs(error - said) <= 1e-3 * error + 1e-7,
            f"{error:.4f}, reported {said:.4f}",
        )


def extracted(checks, sinter, base, tuned, work):
    """What a fine-tuned model adds to its base."""
    out = work / "extracted"
    run(sinter, "adapter", "extract", tuned, base, out, "--rank", 16)
    compare(checks, "extract", base, out, updates(out), whole(out))


def model_of_experts(work):
    """A base with packed experts and biases, all random, and one with other experts; their folders."""
    config = AutoConfig.for_model(
        "gpt_oss", vocab_size=64, hidden_size=16, intermediate_size=16, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, head_dim=8, num_local_experts=4,
        num_experts_per_tok=2)
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(config).float()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(work / "base")
    for name, parameter in model.named_parameters():
        if name.endswith(("experts.gate_up_proj", "experts.down_proj", "q_proj.weight")):
            parameter.data += 0.02 * torch.randn_like(parameter)
    model.save_pretrained(work / "tuned")
    return work / "base", work / "tuned"


def written_by_peft(base, folder, seed, **settings):
    """An adapter of random numbers."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(**settings))
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)


def experts(checks, sinter, work):
    """Packed experts and biases of factor B: what PEFT makes of several adapters is what it makes of
    their combination."""
    base, tuned = model_of_experts(work)
    start = {n: values(t) for n, t in reference.read_checkpoint(base).items()}
    weights = [0.5, -1.25]
    for what, settings in {
        "packed experts": {
            "target_modules": ["q_proj"],
            "target_parameters": ["experts.gate_up_proj", "experts.down_proj"],
        },
        "biases of B": {"target_modules": ["q_proj", "o_proj"], "lora_bias": True},
    }.items():
        parts = [work / f"{what} {place}" for place in range(2)]
        changes = {}
        for place, (part, weight) in enumerate(zip(parts, weights)):
            written_by_peft(base, part, place, r=2 + place, lora_alpha=3, **settings)
            for name, merged in merged_in_peft(base, part)[0].items():
                change = weight * (merged - start[name])
                changes[name] = changes.get(name, 0) + change
        changes = {n: c for n, c in changes.items() if np.abs(c).max() > 0}
        checks.check(f"combine, {what}: PEFT changes something", len(changes) >= 4)
        out = work / f"{what} combined"
        run(sinter, "adapter", "combine", *[f"{p}:{w}" for p, w in zip(parts, weights)], out)
        compare(checks, f"combine, {what}", base, out, changes)
    out = work / "extracted experts"
    run(sinter, "adapter", "extract", tuned, base, out, "--rank", 16)
    end = reference.read_checkpoint(tuned)
    changes = {n: values(t) - start[n] for n, t in end.items() if (values(t) != start[n]).any()}
    checks.check("extract, packed experts: both parameters", len(changes) == 6, str(len(changes)))
    compare(checks, "extract, packed experts", base, out, changes)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--sinter", type=Path, required=True)
    arguments.add_argument("--examples", type=Path, required=True)
    options = arguments.parse_args()
    logging.disable_progress_bar()
    checks = Checks()
    base, adapters = options.examples / "base", options.examples / "adapters"
    parts = ["add", "sub", "rev", "sort", "shift"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        combined(checks, options.sinter, base, adapters, parts, work)
        extracted(checks, options.sinter, base, options.examples / "arith", work)
        experts(checks, options.sinter, work)
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
