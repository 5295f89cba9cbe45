"""Seconds of quantization and of each int8 export, of this tree and of another commit's in turns.

    git worktree add /tmp/base 30eb52a
    python -m benchmarks.int8_speed.against --base /tmp/base

Both trees run with this environment's libraries, each round in processes of its own, in the order
base, this, this, base, so that a machine that slows down or speeds up favours neither. What a
network's processes take to import what they need is no part of it. Networks have random weights,
images are noise; neither changes how much there is to compute.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parents[2]
FORMATS = ("executorch", "torchscript", "onnx", "coreml", "litert")
IMPORTS = ("executorch.exir", "onnxscript", "onnx", "coremltools", "litert_torch")


def measure(network: str, recipe: str, images: int, folder: Path) -> dict[str, float]:
    """Wall seconds by step, of the tree that this process imports."""
    import importlib

    for name in IMPORTS:
        importlib.import_module(name)
    from export.base import ExportSource
    from export.formats import FORMATS as EXPORTERS
    from quantize.ptq import quantize
    from quantize.recipe import load_recipe
    from zoo.initialise import noise_images
    from zoo.networks import load_network

    if not Path(str(sys.modules["quantize.ptq"].__file__)).is_relative_to(Path.cwd()):
        raise SystemExit(f"another tree than {Path.cwd()} was imported")
    loaded = load_network(network)
    inputs = noise_images(images, loaded.input_spec, seed=1).numpy()
    began = time.monotonic()
    program = quantize(loaded, inputs, load_recipe(recipe))
    seconds = {"quantization": time.monotonic() - began}
    for form in FORMATS:
        source = ExportSource("int8", loaded.input_spec, program.graph, program)
        began = time.monotonic()
        EXPORTERS[form].export(source, folder / f"model.{_suffix(form)}")
        seconds[form] = time.monotonic() - began
    return seconds


def _suffix(form: str) -> str:
    return "mlpackage" if form == "coreml" else "model"


def rounds(base: Path, count: int) -> Iterator[tuple[str, Path]]:
    """Trees by name in the order they are measured in."""
    trees = [("base", base), ("this", HERE)]
    for number in range(count):
        yield from trees if number % 2 == 0 else trees[::-1]


def _run(tree: Path, network: str, given: argparse.Namespace) -> dict[str, float]:
    """:func:`measure` in a process of ``tree``."""
    command = [sys.executable, "-P", str(Path(__file__).resolve()), "--measure", network]
    command += ["--recipe", given.recipe, "--images", str(given.images)]
    environment = os.environ | {"PYTHONPATH": str(tree)}
    done = subprocess.run(
        command, env=environment, cwd=tree, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{tree}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def table(network: str, measured: dict[str, list[dict[str, float]]]) -> str:
    """Markdown: a step a line, medians of both trees and their ratio."""
    lines = [f"| {network} | base, s | this, s | this / base |", "|---|---|---|---|"]
    for step in measured["base"][0]:
        lines.append(line(step, *([r[step] for r in measured[t]] for t in ("base", "this"))))
    return "\n".join(lines)


def line(name: str, base: list[float], this: list[float]) -> str:
    """Of a table: medians of both trees, and their ratio."""
    old, new = statistics.median(base), statistics.median(this)
    return f"| {name} | {old:.1f} | {new:.1f} | {new / old:.2f} |"


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, help="a worktree of the other commit")
    parser.add_argument("--networks", default="default,lcnet_050")
    parser.add_argument("--rounds", type=int, default=2, help="of both trees; even is fair")
    parser.add_argument("--recipe", default="ptq")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        with tempfile.TemporaryDirectory() as folder:
            seconds = measure(given.measure, given.recipe, given.images, Path(folder))
        print(json.dumps(seconds))
        return
    if given.base is None or not (given.base / "quantize").is_dir():
        parser.error("--base is to be a worktree of the other commit")
    for network in given.networks.split(","):
        measured: dict[str, list[dict[str, float]]] = {"base": [], "this": []}
        for name, tree in rounds(given.base.resolve(), given.rounds):
            measured[name].append(_run(tree, network, given))
            print(network, name, json.dumps(measured[name][-1]), flush=True)
        print(table(network, measured), flush=True)


if __name__ == "__main__":
    main()
