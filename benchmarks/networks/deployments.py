"""Whole deployments with every recipe: ``fbdeploy deploy`` in all formats.

    python -m benchmarks.networks.deployments --photos ../shared/data \
        --output benchmarks/networks/deployments.jsonl
    python -m benchmarks.networks.deployments --table benchmarks/networks/deployments.jsonl

Networks of ``CLASSES`` classes with random weights of a seed (``zoo/initialise.py``), written to a
file that is given as ``--weights``, and real photos whose labels are made up: accuracies mean
nothing, graphs, kernels and the command's whole way do. A pair whose line the file has is not run
again.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.networks.run import rows_of

NETWORKS = ("fbnetv3_b", "mobilenet_v3_small", "mobilenet_v3_large")
RECIPES = Path(__file__).parents[2] / "quantize" / "recipes"
CLASSES = 7
FORMATS = ("executorch", "torchscript", "onnx", "coreml", "litert")
#: The one whose deployment has float artefacts, too: they are the same with all recipes.
ALL_PRECISIONS = "ptq"


def pairs() -> list[str]:
    """``network:recipe`` for each."""
    recipes = sorted(path.stem for path in RECIPES.glob("*.toml"))
    return [f"{network}:{recipe}" for network in NETWORKS for recipe in recipes]


def photos(source: Path, target: Path, count: int) -> Path:
    """A folder of the first photos of ``source``, labelled 0 to ``CLASSES`` - 1 in turn."""
    (target / "images").mkdir(parents=True)
    with (source / "labels.csv").open(newline="", encoding="utf-8") as listed:
        names = [row["image"] for row in csv.DictReader(listed)][:count]
    lines = ["image,label"]
    for index, name in enumerate(names):
        copy = target / "images" / Path(name).name
        shutil.copy(source / name, copy)
        lines.append(f"images/{copy.name},{index % CLASSES}")
    (target / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def weights(network: str, target: Path) -> Path:
    """A state dict of ``CLASSES`` classes with random weights, the same every time."""
    from safetensors.torch import save_file

    from zoo.networks import load_network

    module = load_network(network, num_classes=CLASSES).module
    save_file({name: value.contiguous() for name, value in module.state_dict().items()}, target)
    return target


def recipe_file(name: str, steps: int | None, target: Path) -> Path:
    """The built-in recipe, with ``steps`` of training where it trains."""
    text = (RECIPES / f"{name}.toml").read_text(encoding="utf-8")
    if steps is not None:
        text = re.sub(r"(?m)^steps = \d+", f"steps = {steps}", text)
    target.write_text(text, encoding="utf-8")
    return target


def deploy(pair: str, given: argparse.Namespace, work: Path) -> dict[str, Any]:
    """The row of one deployment; where it made nothing, the reason."""
    network, recipe = pair.split(":")
    output = work / "out"
    command = [sys.executable, "-m", "fbdeploy", "deploy", network]
    command += ["--weights", str(weights(network, work / "weights.safetensors"))]
    command += ["--recipe", str(recipe_file(recipe, given.steps, work / f"{recipe}.toml"))]
    for option, folder in (("--data", "imagenet_dev"), ("--calibration", "imagenet_calibration")):
        command += [option, str(photos(given.photos / folder, work / folder, given.images))]
    if given.pixels is not None:
        command += ["--input-size", str(given.pixels)]
    trains = recipe.startswith("qat")
    if recipe != ALL_PRECISIONS:
        command += ["--precisions", "int8,int8-qat" if trains else "int8"]
    command += ["--artefacts-only", "--accept-low-fidelity", "--output", str(output)]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    row: dict[str, Any] = {
        "network": pair,
        "images": given.images,
        "steps": given.steps,
        "exit": done.returncode,
        "seconds": round(time.monotonic() - began),
    }
    manifest = output / "manifest.json"
    if not manifest.exists():
        last = (done.stderr.strip().splitlines() or [""])[-1]
        return row | {"reason": last[:240]}
    return row | _facts(json.loads(manifest.read_text(encoding="utf-8")))


def _facts(manifest: dict[str, Any]) -> dict[str, Any]:
    spec = manifest["input_spec"]
    return {
        "pixels": [spec["height"], spec["width"]],
        "programs": {
            precision: {
                key: found["fidelity"][key] for key in ("sqnr_db", "agreement", "passed", "images")
            }
            for precision, found in manifest["quantizations"].items()
        },
        "artefacts": [
            {
                "format": one["format"],
                "precision": one["precision"],
                "program": one["program"],
                "parity_db": one["parity"]["sqnr_db"],
                "relative": one["parity"]["relative"],
                "passed": one["parity"]["passed"],
                "int8_share": (one["coverage"] or {}).get("int8_share"),
            }
            for one in manifest["artefacts"]
        ],
        "failures": [
            f"{one['format']} {one['precision']}: {one['message']}" for one in manifest["failures"]
        ],
    }


def table(rows: Iterable[dict[str, Any]]) -> str:
    """Markdown: a deployment a line; below it what failed."""
    lines = [
        "| network | recipe | pixels | int8 program, dB | agreement | "
        + " | ".join(FORMATS)
        + " | s |",
        "|---|---|---|---|---|" + "---|" * len(FORMATS) + "---|",
    ]
    reasons = []
    for row in rows:
        network, recipe = row["network"].split(":")
        if "artefacts" not in row:
            lines.append(f"| {network} | {recipe} |" + " failed |" * (3 + len(FORMATS)) + " |")
            reasons.append(f"- {network}, {recipe}: {row['reason']}")
            continue
        for program, found in row["programs"].items():
            cells = [_cell(row["artefacts"], form, program) for form in FORMATS]
            name = recipe if program == "ptq" else f"{recipe}, trained"
            low = "" if found["passed"] else " (low)"
            lines.append(
                f"| {network} | {name} | {row['pixels'][0]} | {found['sqnr_db']:.1f}{low} | "
                f"{100 * found['agreement']:.0f} % | {' | '.join(cells)} | {row['seconds']} |"
            )
        reasons += [f"- {network}, {recipe}: {failure}" for failure in row["failures"]]
        reasons += [
            f"- {network}, {recipe}: {one['format']} {one['precision']} is not its reference"
            for one in row["artefacts"]
            if not one["passed"]
        ]
    return "\n".join([*lines, "", *reasons]).rstrip() + "\n"


def _cell(artefacts: Iterable[dict[str, Any]], form: str, program: str) -> str:
    for one in artefacts:
        if (one["format"], one["program"]) == (form, program):
            decibels = "equal" if one["parity_db"] is None else f"{one['parity_db']:.0f}"
            return decibels if one["passed"] else f"{decibels} FAILED"
    return "none"


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, help="show these results and do nothing else")
    parser.add_argument("--output", type=Path, help="where results are appended")
    parser.add_argument("--photos", type=Path, help="holds imagenet_dev and imagenet_calibration")
    parser.add_argument("--images", type=int, default=100, help="scored, and as many calibrated on")
    parser.add_argument("--steps", type=int, help="of training, instead of the recipe's")
    parser.add_argument("--pixels", type=int, help="instead of the network's own")
    parser.add_argument("pairs", nargs="*", default=pairs(), help="network:recipe")
    given = parser.parse_args()
    if given.table is not None:
        print(table(rows_of(given.table).values()), end="")
        return
    if given.output is None or given.photos is None:
        parser.error("--output and --photos are needed")
    known = rows_of(given.output)
    for pair in given.pairs:
        if pair in known:
            continue
        with tempfile.TemporaryDirectory() as work:
            row = deploy(pair, given, Path(work))
        with given.output.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
