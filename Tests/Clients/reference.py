"""Checkpoints, recipes and merge methods in NumPy, the plain way.

Everything is computed in float64 and rounded once at the end. It is written to be read beside the
documentation of the methods, not to be fast, and shares nothing with the program it checks.
"""

import json
import math
import re
from pathlib import Path

import numpy as np
import safetensors

# --- numbers -------------------------------------------------------------------------------------


def widen(data, dtype):
    """The float64 values of little-endian numbers of a safetensors dtype."""
    if dtype == "BF16":
        halves = np.frombuffer(data, dtype="<u2").astype(np.uint32)
        return (halves << 16).view(np.float32).astype(np.float64)
    plain = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
    return np.frombuffer(data, dtype=plain[dtype]).astype(np.float64)


def narrow(values, dtype):
    """Rounds float64 values once, to nearest even, and gives the bytes of a safetensors dtype."""
    if dtype != "BF16":
        with np.errstate(over="ignore"):
            return values.astype({"F16": "<f2", "F32": "<f4", "F64": "<f8"}[dtype]).tobytes()
    values = np.ascontiguousarray(values, dtype=np.float64)
    bits = values.view(np.uint64)
    dropped = np.uint64(52 - 7)
    odd = (bits >> dropped) & np.uint64(1)
    half = np.uint64((1 << 44) - 1)
    normal = (((bits + half + odd) >> dropped) << dropped).view(np.float64)
    step = 2.0**-133  # the spacing of bfloat16 below its smallest normal number
    small = np.copysign(np.rint(values / step) * step, values)
    rounded = np.where(np.abs(values) < 2.0**-126, small, normal)
    with np.errstate(over="ignore"):
        words = rounded.astype(np.float32).view(np.uint32)
    return (words >> 16).astype("<u2").tobytes()


# --- checkpoints ---------------------------------------------------------------------------------


class Tensor:
    """A tensor as stored: dtype, shape and bytes."""

    def __init__(self, dtype, shape, data):
        self.dtype, self.shape, self.data = dtype, list(shape), bytes(data)

    def values(self):
        """Its numbers as one flat float64 array."""
        return widen(self.data, self.dtype)


def read_tensors(path):
    """The tensors of one safetensors file by name, read with the `safetensors` package."""
    entries = safetensors.deserialize(Path(path).read_bytes())
    return {name: Tensor(e["dtype"], e["shape"], e["data"]) for name, e in entries}


def read_checkpoint(folder):
    """The tensors of a checkpoint by name, from one file or from the shards its index names."""
    folder = Path(folder)
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return read_tensors(folder / "model.safetensors")
    tensors = {}
    for shard in sorted(set(json.loads(index.read_text())["weight_map"].values())):
        tensors.update(read_tensors(folder / shard))
    return tensors


# --- recipes -------------------------------------------------------------------------------------

LAYER = re.compile(r"^(.*\blayers\.)(\d+)(\..*)$")


def evaluate(setting, name, t):
    """What a setting (scalar, gradient, filters) says for a tensor, or None."""
    if isinstance(setting, dict):
        setting = [setting]
    if not isinstance(setting, list):
        return setting
    if not setting:
        return None
    if isinstance(setting[0], dict):
        for entry in setting:
            if entry.get("filter", "*") == "*" or entry["filter"] in name:
                return evaluate(entry["value"], name, t)
        return None
    place = t * (len(setting) - 1)
    low = math.floor(place)
    high = min(low + 1, len(setting) - 1)
    return (1 - (place - low)) * setting[low] + (place - low) * setting[high]


class Job:
    """One output tensor: the tensors it is made of, and the parameters that hold for it."""

    def __init__(self, name, sources, base, levels, t):
        self.name, self.sources, self.base = name, sources, base
        self.levels, self.t = levels, t

    def shared(self, key, default=None):
        """A parameter with one value for the output tensor."""
        return self.look(key, self.levels, self.name, default)

    def own(self, key, source, default=None):
        """A parameter with one value for each model."""
        return self.look(key, [source["parameters"]] + self.levels, source["name"], default)

    def look(self, key, levels, name, default):
        for level in levels:
            value = evaluate(level.get(key), name, self.t)
            if value is not None:
                return value
        return default


def jobs(recipe, names, layers):
    """The output tensors of a recipe whose models all have the given names and layer count."""
    base, top = recipe.get("base_model"), recipe.get("parameters", {})
    if "slices" in recipe:
        slices = recipe["slices"]
    else:
        listed = list(recipe["models"])
        if base is not None and base not in [m["model"] for m in listed]:
            listed.append({"model": base})
        slices = [{"sources": [dict(m, layer_range=[0, layers]) for m in listed]}]
    first_of, count = [], 0
    for part in slices:
        first_of.append(count)
        start, end = part["sources"][0]["layer_range"]
        count += end - start

    def job(part, name, t, offset=None):
        sources = []
        for source in part["sources"]:
            own = name
            if offset is not None:
                head, _, tail = LAYER.match(name).groups()
                own = f"{head}{source['layer_range'][0] + offset}{tail}"
            sources.append(
                {"model": source["model"], "name": own, "parameters": source.get("parameters", {})}
            )
        return Job(name, sources, base, [part.get("parameters", {}), top], t)

    for name in names:
        match = LAYER.match(name)
        if match is None:
            yield job(slices[0] if "embed" in name else slices[-1], name, 0.0)
        elif match.group(2) == "0":
            for part, first in zip(slices, first_of):
                start, end = part["sources"][0]["layer_range"]
                for offset in range(end - start):
                    t = offset / (end - start - 1) if end - start > 1 else 1.0
                    output = f"{match.group(1)}{first + offset}{match.group(3)}"
                    yield job(part, output, t, offset)


# --- methods -------------------------------------------------------------------------------------


def linear(job, tensors):
    """A weighted sum, by default divided by the sum of the weights."""
    weights = [job.own("weight", s) for s in job.sources]
    total = sum(w * x for w, x in zip(weights, tensors))
    return total / sum(weights) if job.shared("normalize", True) else total


def slerp(job, tensors):
    """The way from the base to the other model along a great circle."""
    t = job.shared("t")
    base = [s["model"] for s in job.sources].index(job.base)
    v0, v1 = tensors[base], tensors[1 - base]
    n0, n1 = (n if n > 1e-8 else 1.0 for n in (np.linalg.norm(v0), np.linalg.norm(v1)))
    dot = min(1.0, max(-1.0, float(np.dot(v0 / n0, v1 / n1))))
    if abs(dot) > 0.9995:
        return (1 - t) * v0 + t * v1
    angle = math.acos(dot)
    return (math.sin((1 - t) * angle) * v0 + math.sin(t * angle) * v1) / math.sin(angle)


def passthrough(job, tensors):
    """The one input, scaled if the recipe says so."""
    scale = job.own("scale", job.sources[0])
    return tensors[0] if scale is None else tensors[0] * scale


def keep_largest(delta, density):
    """Keeps the share of largest magnitude; among equals the lowest index comes first."""
    if density >= 1:
        return delta
    if density <= 0 or delta.size == 0:
        return np.zeros_like(delta)
    kept = np.argsort(-np.abs(delta), kind="stable")[: max(1, int(density * delta.size))]
    mask = np.zeros(delta.size, dtype=bool)
    mask[kept] = True
    return np.where(mask, delta, 0.0)


def task_vectors(job, tensors, elect, normalize, rescale=False, trim=False):
    """The family of methods that add weighted changes to the base."""
    normalize = job.shared("normalize", normalize)
    rescale = job.shared("rescale", rescale)
    base = tensors[[s["model"] for s in job.sources].index(job.base)]
    mix, divisor = np.zeros_like(base), np.zeros_like(base)
    votes, weights = [], []
    for source, x in zip(job.sources, tensors):
        if source["model"] == job.base:
            continue
        delta = x - base
        density = job.own("density", source, 1.0)
        if trim and density < 1:
            kept = keep_largest(delta, density)
            before, after = np.abs(delta).sum(), np.abs(kept).sum()
            if rescale and before > 0 and after > 0:
                kept = kept * (before / after)
            delta = kept
        weights.append(job.own("weight", source))
        votes.append(weights[-1] * delta)
    elected = np.where(sum(votes) >= 0, 1.0, -1.0)
    for weight, vote in zip(weights, votes):
        counts = np.sign(vote) == elected if elect else np.ones(base.shape, dtype=bool)
        mix += np.where(counts, vote, 0.0)
        divisor += np.where(counts, weight, 0.0)
    if normalize:
        mix /= np.where(divisor == 0 if elect else np.abs(divisor) < 1e-8, 1.0, divisor)
    return base + job.shared("lambda", 1.0) * mix


METHODS = {
    "linear": linear,
    "slerp": slerp,
    "passthrough": passthrough,
    "task_arithmetic": lambda job, x: task_vectors(job, x, elect=False, normalize=False),
    "ties": lambda job, x: task_vectors(job, x, elect=True, normalize=True, trim=True),
    # Only for density 1, where no mask is drawn.
    "dare_linear": lambda job, x: task_vectors(job, x, elect=False, normalize=False),
    "dare_ties": lambda job, x: task_vectors(job, x, elect=True, normalize=False),
}


def merge(recipe, load):
    """Merges in float64.

    `load` gives the tensors of a model of the recipe. Yields, for each output tensor, its name,
    the stored tensors it was made of, and its exact values.
    """
    parts = recipe.get("models") or [s for p in recipe["slices"] for s in p["sources"]]
    loaded = {p["model"]: load(p["model"]) for p in parts}
    if recipe.get("base_model"):
        loaded.setdefault(recipe["base_model"], load(recipe["base_model"]))
    names = list(next(iter(loaded.values())))
    layers = 1 + max(int(m.group(2)) for m in map(LAYER.match, names) if m)
    method = METHODS[recipe["merge_method"]]
    for job in jobs(recipe, names, layers):
        stored = [loaded[s["model"]][s["name"]] for s in job.sources]
        yield job.name, stored, method(job, [tensor.values() for tensor in stored])
