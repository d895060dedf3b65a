"""Looks at what the program writes with the eyes of another program.

    python verify_merge.py --sinter PATH --examples Examples/skills --merged merged
                           --golden Tests/SinterTests/Fixtures/Golden

Opens merged checkpoints with the `safetensors` package, computes the same recipes in NumPy
float64 and compares number by number. `--merged` is the folder that `ties.yml` was merged into;
the other recipes are run from here. Needs: safetensors, numpy, pyyaml. Prints one line for each
check and, last, `N passed, N failed`; leaves with 1 when a check failed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import safetensors
import yaml

import reference

OWN_FILES = {"README.md", "sinter_recipe.yml", "sinter_manifest.json"}
# A number may be rounded to the other side only where float64 arithmetic cannot tell the sides
# apart: a few units in its last place, seen from the largest number that went in.
SLACK = 1e-15
BOUNDARY_ELEMENTS_PER_MILLION = 5


class Checks:
    """Counts what passed and what failed, and says which."""

    def __init__(self):
        self.passed, self.failed = 0, 0

    def check(self, what, holds, detail=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        tail = f" ({detail})" if detail else ""
        print(f"{'ok  ' if holds else 'FAIL'} {what}{tail}", flush=True)


def compare(expected, actual, reach):
    """Counts the elements that are wrong, and those on a rounding boundary.

    `expected` are exact values, `actual` is a stored tensor, `reach` the largest magnitude that
    went into each element.
    """
    rounded = reference.narrow(expected, actual.dtype)
    width = len(actual.data) // max(1, expected.size)
    word = np.dtype(f"<u{width}")
    differs = np.frombuffer(rounded, word) != np.frombuffer(actual.data, word)
    best = np.abs(reference.widen(rounded, actual.dtype) - expected)
    error = np.abs(actual.values() - expected)
    near = error <= best + 2 * SLACK * reach
    return tuple(int((differs & kind).sum()) for kind in (~near, near))


def check_values(checks, title, recipe, load, merged):
    """Compares a whole merged checkpoint with the exact merge."""
    wrong = boundary = elements = 0
    worst, unseen = "", set(merged)
    for name, stored, exact in reference.merge(recipe, load):
        if name not in merged or len(merged[name].values()) != exact.size:
            wrong, worst = wrong + exact.size, name
            continue
        unseen.discard(name)
        reach = np.max([np.abs(tensor.values()) for tensor in stored], axis=0)
        bad, near = compare(exact, merged[name], reach)
        worst = name if bad else worst
        wrong, boundary = wrong + bad, boundary + near
        elements += exact.size
    allowed = max(1, elements * BOUNDARY_ELEMENTS_PER_MILLION // 1_000_000)
    detail = f"of {elements} numbers {wrong} wrong, {boundary} on a rounding boundary"
    if wrong:
        detail += f", see '{worst}'"
    checks.check(f"{title}: equal to the float64 merge", not wrong and boundary <= allowed, detail)
    checks.check(f"{title}: no tensor too many", not unseen, ", ".join(sorted(unseen)[:5]))


def exact_json(path):
    """A JSON file with its key order, and its numbers as they are spelled."""
    return json.loads(
        Path(path).read_text(encoding="utf-8"),
        object_pairs_hook=list, parse_float=lambda s: ("number", s),
        parse_int=lambda s: ("number", s),
    )


def attempt(read):
    """What a reader gives, or None when the file is missing or cannot be understood."""
    try:
        return read()
    except (OSError, ValueError, TypeError):
        return None


def check_folder(checks, title, folder, donor, recipe_file, config_changes=()):
    """Checks everything in an output folder but the numbers."""
    weights = sorted(p.name for p in folder.glob("*.safetensors"))
    for name in weights:
        with safetensors.safe_open(folder / name, framework="numpy") as file:
            metadata = file.metadata()
        checks.check(f"{title}: metadata of {name}", metadata == {"format": "pt"}, str(metadata))
    umask = os.umask(0)
    os.umask(umask)
    modes = {(folder / name).stat().st_mode & 0o777 for name in weights}
    checks.check(f"{title}: ordinary permissions", modes == {0o666 & ~umask})

    side_files = {
        p.name for p in donor.iterdir() if p.suffix != ".safetensors" and p.name != "README.md"
    }
    side_files.discard("model.safetensors.index.json")
    for name in sorted(side_files - {"config.json"}):
        same = (folder / name).is_file() and (
            (folder / name).read_bytes() == (donor / name).read_bytes()
        )
        checks.check(f"{title}: {name} is the base's, byte for byte", same)
    expected = exact_json(donor / "config.json")
    for key, text in config_changes:
        expected = [(k, ("number", text) if k == key else v) for k, v in expected]
    config = attempt(lambda: exact_json(folder / "config.json"))
    checks.check(f"{title}: config.json", config == expected)

    recipe = folder / "sinter_recipe.yml"
    same = recipe.is_file() and recipe.read_bytes() == recipe_file.read_bytes()
    checks.check(f"{title}: the recipe as given", same)
    manifest = attempt(lambda: dict(exact_json(folder / "sinter_manifest.json")))
    checks.check(f"{title}: the manifest is a JSON object", isinstance(manifest, dict))
    card = attempt(lambda: (folder / "README.md").read_text(encoding="utf-8")) or ""
    front = yaml.safe_load(card.split("---\n")[1]) if card.startswith("---\n") else None
    checks.check(f"{title}: the model card has front matter", isinstance(front, dict))

    index = {"model.safetensors.index.json"} if len(weights) > 1 else set()
    extra = {p.name for p in folder.iterdir()} - set(weights) - side_files - OWN_FILES - index
    checks.check(f"{title}: no stray file", not extra, ", ".join(sorted(extra)))
    partial = folder.with_name(folder.name + ".partial")
    checks.check(f"{title}: nothing left of the work in progress", not partial.exists())


def check_layout(checks, title, merged, base, dtype):
    """Checks that a checkpoint has the names, shapes and dtype that it should have."""
    checks.check(f"{title}: names of the base", set(merged) == set(base))
    shapes = all(merged[n].shape == base[n].shape for n in merged if n in base)
    checks.check(f"{title}: shapes of the base", shapes)
    dtypes = {tensor.dtype for tensor in merged.values()}
    checks.check(f"{title}: dtype {dtype}", dtypes == {dtype}, ", ".join(sorted(dtypes)))


def check_golden(checks, golden):
    """Holds the NumPy methods themselves against results that were made another way."""
    for case in sorted((golden / "cases").iterdir()):
        recipe = yaml.safe_load((case / "config.yml").read_text())
        if recipe["merge_method"] not in reference.METHODS:
            continue
        stored = reference.read_tensors(case / "golden.safetensors")
        worst, seen = 0.0, set()
        for name, _, exact in reference.merge(
            recipe, lambda model: reference.read_checkpoint(golden / model)
        ):
            seen.add(name)
            values = stored[name].values()
            scale = max(float(np.abs(values).max()), 1e-300)
            worst = max(worst, float(np.abs(values - exact).max()) / scale)
        holds = worst < 1e-13 and seen == set(stored)
        checks.check(f"reference: golden case {case.name}", holds, f"within {worst:.1e}")


def check_that_faults_are_seen(checks, recipe, load, merged):
    """A check that cannot fail is none: one flipped bit must be found."""
    name = sorted(merged)[len(merged) // 2]
    tensor = merged[name]
    middle = len(tensor.data) // 4 * 2
    damaged = bytearray(tensor.data)
    damaged[middle] ^= 1
    flipped = dict(merged, **{name: reference.Tensor(tensor.dtype, tensor.shape, damaged)})
    found = Checks()
    with open(os.devnull, "w") as nowhere:
        shown, sys.stdout = sys.stdout, nowhere
        try:
            check_values(found, "damaged", recipe, load, flipped)
        finally:
            sys.stdout = shown
    checks.check(f"a flipped bit in '{name}' is found", found.failed == 1)


def check_shares(checks, title, recipe, load, merged):
    """DARE keeps, on average, what it thins out: each model's share must be its weight."""
    exact = {m["model"]: m["parameters"]["weight"] for m in recipe["models"]}
    base = load(recipe["base_model"])
    models = {model: load(model) for model in exact}
    changes = [[] for _ in exact]
    result = []
    for name, tensor in base.items():
        origin = tensor.values()
        result.append(merged[name].values() - origin)
        for place, model in enumerate(exact):
            changes[place].append(models[model][name].values() - origin)
    shares = np.linalg.lstsq(
        np.stack([np.concatenate(c) for c in changes], axis=1), np.concatenate(result), rcond=None
    )[0]
    close = all(abs(s - w) < 0.05 * w for s, w in zip(shares, exact.values()))
    detail = ", ".join(f"{m} {s:.3f} of {w}" for (m, w), s in zip(exact.items(), shares))
    checks.check(f"{title}: the shares of the models", close, detail)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--sinter", required=True, help="the built program")
    arguments.add_argument("--examples", required=True, type=Path)
    arguments.add_argument("--merged", type=Path, help="what ties.yml was merged into")
    arguments.add_argument("--golden", type=Path)
    options = arguments.parse_args()
    examples, checks = options.examples, Checks()
    kept = {}

    def load(model):
        if model not in kept:
            kept[model] = reference.read_checkpoint(examples / model)
        return kept[model]

    def run(recipe, output, *flags):
        command = [options.sinter, "merge", str(recipe), str(output), "--quiet", *flags]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        what = " ".join(["merge", recipe.name, *flags])
        checks.check(what, done.returncode == 0, done.stderr.strip()[:2000])
        return done.returncode == 0

    if options.golden:
        check_golden(checks, options.golden)

    with tempfile.TemporaryDirectory() as temporary:
        temporary = Path(temporary)

        def result(name, *flags, suffix=""):
            folder = temporary / (name + suffix)
            return folder if run(examples / f"{name}.yml", folder, *flags) else None

        for name in ["ties", "linear", "slerp", "task_arithmetic", "passthrough"]:
            folder = options.merged if name == "ties" and options.merged else result(name)
            if folder is None:
                continue
            file = examples / f"{name}.yml"
            recipe = yaml.safe_load(file.read_text(encoding="utf-8"))
            merged = reference.read_checkpoint(folder)
            stack = name == "passthrough"
            donor = recipe.get("base_model") or ("./arith")
            changes = [("num_hidden_layers", "6")] if stack else []
            check_folder(checks, name, folder, examples / donor, file, changes)
            if not stack:
                check_layout(checks, name, merged, load(donor), "BF16")
            check_values(checks, name, recipe, load, merged)
            if name == "ties":
                check_that_faults_are_seen(checks, recipe, load, merged)

        def bytes_of(folder):
            return (folder / "model.safetensors").read_bytes() if folder else None

        one = result("ties", "--threads", "1", suffix="-1")
        two = result("ties", "--threads", "2", "--memory", "64MiB", suffix="-2")
        same = one is not None and two is not None and bytes_of(one) == bytes_of(two)
        checks.check("the bytes do not depend on threads and memory", same)

        for name in ["dare_linear", "dare_ties"]:
            seeds = [result(name, "--seed", s, suffix=f"-{i}") for i, s in enumerate("778")]
            if None in seeds:
                continue
            first, again, other = map(bytes_of, seeds)
            checks.check(f"{name}: same seed, same bytes", first == again)
            checks.check(f"{name}: other seed, other bytes", first != other)
            merged = reference.read_checkpoint(seeds[0])
            check_layout(checks, name, merged, load("./base"), "BF16")
            if name == "dare_linear":
                recipe = yaml.safe_load((examples / f"{name}.yml").read_text(encoding="utf-8"))
                check_shares(checks, name, recipe, load, merged)

        shards = result("linear", "--shard-size", "1MB", suffix="-shards")
        if shards is not None:
            file = examples / "linear.yml"
            index = json.loads((shards / "model.safetensors.index.json").read_text())
            merged = reference.read_checkpoint(shards)
            size = sum(len(tensor.data) for tensor in merged.values())
            names = all(
                tensor in reference.read_tensors(shards / shard)
                for tensor, shard in index["weight_map"].items()
            )
            checks.check("shards: the index names every tensor", names and
                         set(index["weight_map"]) == set(merged))
            checks.check("shards: total_size", index["metadata"]["total_size"] == size)
            check_folder(checks, "shards", shards, examples / "arith", file)
            check_values(checks, "shards", yaml.safe_load(file.read_text()), load, merged)

    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
