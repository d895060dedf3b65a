"""Merges and combines the five adapters in adapters/ and prints what each result can do.

    python compare_adapters.py --sinter PATH [--only NAME]...

One row of a table for the base, for each adapter on it, for merges of models with adapters, and for
adapters that were combined to one and applied. Needs numpy and safetensors; some minutes.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from evaluate import BASIC, HERE, TASKS, Llama, score

PARTS = ["add", "sub", "rev", "sort", "shift"]


def weighted(weight):
    """The adapters, each with a weight."""
    return [f"{HERE / 'adapters' / part}:{weight}" for part in PARTS]


def ways():
    """What is made: a name, and the arguments that make a model or an adapter of it."""
    rows = {"base": None}
    for part in PARTS:
        rows[part] = ["apply", HERE / "base", HERE / "adapters" / part]
    rows["merge: dare_linear"] = ["merge", HERE / "adapters_dare_linear.yml"]
    rows["merge: ties"] = ["merge", HERE / "adapters_ties.yml"]
    rows["combine: concatenate, weights 1"] = ["combine", *weighted(1)]
    rows["combine: concatenate, weights 0.6"] = ["combine", *weighted(0.6)]
    rows["the same, rank 12"] = ["combine", *weighted(0.6), "--rank", 12]
    rows["combine: ties, rank 36"] = ["combine", HERE / "combine_ties.yml"]
    rows["combine: knots"] = ["combine", HERE / "combine_knots.yml"]
    return rows


def make(sinter, arguments, folder):
    """Makes a model and gives its folder."""

    def run(*words):
        subprocess.run([sinter, *map(str, words), "--quiet"], check=True)

    if arguments is None:
        return HERE / "base"
    command, *rest = arguments
    model = folder / "model"
    options = rest[rest.index("--rank"):] if "--rank" in rest else []
    inputs = rest[: len(rest) - len(options)]
    if command == "merge":
        run("merge", *inputs, model)
    elif command == "apply":
        run("adapter", "apply", *inputs, model)
    else:
        run("adapter", "combine", *inputs, folder / "adapter", *options)
        run("adapter", "apply", HERE / "base", folder / "adapter", model)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sinter", default="sinter", help="the program")
    parser.add_argument("--only", action="append", help="the name of a row; may be repeated")
    options = parser.parse_args()
    columns = [*TASKS, "mean"]
    print("| model | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, arguments in ways().items():
        if options.only and name not in options.only:
            continue
        with tempfile.TemporaryDirectory() as folder, np.errstate(over="ignore"):
            model = Llama(make(options.sinter, arguments, Path(folder)))
            scores = {task: score(model, task) for task in TASKS}
        scores["mean"] = sum(scores[task] for task in BASIC) / len(BASIC)
        print(f"| {name} | " + " | ".join(f"{scores[c]:.3f}" for c in columns) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
