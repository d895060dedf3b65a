"""Asks a model the questions in eval/ and prints the share of exactly right answers.

    python evaluate.py MODEL_FOLDER [--tasks add,rev] [--json]

Runs the small Llama models of this folder, and whatever was merged from them, in NumPy; a few
seconds. Needs numpy and safetensors.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import safetensors

HERE = Path(__file__).resolve().parent
BASIC = ["add", "sub", "rev", "sort", "shift"]
TASKS = BASIC + ["joint", "chain"]
WIDEN = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}


def numbers(entry):
    """A stored tensor as a float32 array."""
    if entry["dtype"] == "BF16":
        flat = (np.frombuffer(entry["data"], "<u2").astype(np.uint32) << 16).view(np.float32)
    else:
        flat = np.frombuffer(entry["data"], WIDEN[entry["dtype"]]).astype(np.float32)
    return flat.reshape(entry["shape"])


class Llama:
    """A Llama decoder that keeps keys and values between calls."""

    def __init__(self, folder):
        folder = Path(folder)
        self.config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.weights = {}
        for file in sorted(folder.glob("*.safetensors")):
            for name, entry in safetensors.deserialize(file.read_bytes()):
                self.weights[name] = numbers(entry)
        vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        self.ids = vocabulary["model"]["vocab"]
        self.letters = {number: letter for letter, number in self.ids.items()}

    def start(self):
        """Forgets everything that was read."""
        self.memory = [None] * self.config["num_hidden_layers"]
        self.place = 0

    def norm(self, x, name):
        scale = np.sqrt((x * x).mean(axis=-1, keepdims=True) + self.config["rms_norm_eps"])
        return x / scale * self.weights[name]

    def project(self, x, name):
        return x @ self.weights[name + ".weight"].T

    def turn(self, x):
        """Rotary position embedding of (batch, heads, length, width)."""
        width = x.shape[-1]
        theta = self.config["rope_parameters"]["rope_theta"]
        speeds = theta ** (-np.arange(0, width, 2, dtype=np.float32) / width)
        angles = np.outer(np.arange(self.place, self.place + x.shape[2]), speeds)
        cosine, sine = (np.concatenate([f(angles)] * 2, axis=-1) for f in (np.cos, np.sin))
        swapped = np.concatenate([-x[..., width // 2 :], x[..., : width // 2]], axis=-1)
        return (x * cosine + swapped * sine).astype(np.float32)

    def attend(self, x, layer, name):
        heads, pairs = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        width = self.config["head_dim"]

        def split(part, count):
            y = self.project(x, f"{name}.{part}")
            return y.reshape(*x.shape[:2], count, width).swapaxes(1, 2)

        q = self.turn(split("q_proj", heads))
        k, v = self.turn(split("k_proj", pairs)), split("v_proj", pairs)
        if self.memory[layer] is not None:
            before = self.memory[layer]
            k, v = np.concatenate([before[0], k], axis=2), np.concatenate([before[1], v], axis=2)
        self.memory[layer] = (k, v)
        k, v = (np.repeat(part, heads // pairs, axis=1) for part in (k, v))
        scores = q @ k.swapaxes(2, 3) / np.sqrt(np.float32(width))
        length, seen = scores.shape[2:]
        scores += np.triu(np.full((length, seen), -1e9, np.float32), seen - length + 1)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = scores / scores.sum(axis=-1, keepdims=True) @ v
        return self.project(mixed.swapaxes(1, 2).reshape(*x.shape[:2], -1), f"{name}.o_proj")

    def read(self, tokens):
        """Reads (batch, length) tokens and gives the scores of the next one."""
        x = self.weights["model.embed_tokens.weight"][tokens]
        for layer in range(self.config["num_hidden_layers"]):
            name = f"model.layers.{layer}"
            y = self.norm(x, f"{name}.input_layernorm.weight")
            x = x + self.attend(y, layer, f"{name}.self_attn")
            y = self.norm(x, f"{name}.post_attention_layernorm.weight")
            gate = self.project(y, f"{name}.mlp.gate_proj")
            gate = gate / (1 + np.exp(-gate)) * self.project(y, f"{name}.mlp.up_proj")
            x = x + self.project(gate, f"{name}.mlp.down_proj")
        self.place += tokens.shape[1]
        return self.project(self.norm(x[:, -1], "model.norm.weight"), "lm_head")

    def answer(self, prompts, longest):
        """The likeliest continuations of prompts of equal length."""
        end = self.config["eos_token_id"]
        tokens = np.array([[self.config["bos_token_id"], *map(self.ids.get, p)] for p in prompts])
        self.start()
        written = []
        for _ in range(longest):
            tokens = self.read(tokens).argmax(axis=-1)[:, None]
            written.append(tokens[:, 0])
        lines = [list(line) for line in np.stack(written, axis=1)]
        lines = [line[: line.index(end)] if end in line else line for line in lines]
        return ["".join(self.letters[int(token)] for token in line) for line in lines]


def score(model, task):
    """The share of the questions of a task that a model answers exactly."""
    text = (HERE / "eval" / f"{task}.jsonl").read_text(encoding="utf-8")
    questions = [json.loads(line) for line in text.splitlines()]
    longest = max(len(q["answer"]) for q in questions) + 1
    right = 0
    for length in sorted({len(q["prompt"]) for q in questions}):
        group = [q for q in questions if len(q["prompt"]) == length]
        answers = model.answer([q["prompt"] for q in group], longest)
        right += sum(q["answer"] == answer for q, answer in zip(group, answers))
    return right / len(questions)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("model", type=Path)
    arguments.add_argument("--tasks", default=",".join(TASKS))
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    with np.errstate(over="ignore"):
        model = Llama(options.model)
        scores = {task: score(model, task) for task in options.tasks.split(",")}
    if set(BASIC) <= set(scores):
        scores["mean"] = round(sum(scores[task] for task in BASIC) / len(BASIC), 4)
    if options.json:
        print(json.dumps(scores))
    else:
        for task, share in scores.items():
            print(f"{task:6} {share:.3f}")


if __name__ == "__main__":
    main()
