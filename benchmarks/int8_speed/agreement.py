"""Prepared int8 against unprepared int8 on real photos with real weights.

    python -m benchmarks.int8_speed.agreement --output benchmarks/int8_speed/agreement.json

MobileNetV3-Small with the weights of ``../shared``, calibrated and scored on its photos. One
program is exported with every pass of ``export.preparation`` and with none, and the artefacts
answer the same photos. Rows that are there already are not made again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from export.base import ExportSource
from export.formats import FORMATS
from export.preparation import ALL
from fbdeploy.pipeline.opening import BATCH, read_images
from quantize.capture import capture
from quantize.program import Program, load_program
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from runtime_bench.accuracy import Evaluation, compare, evaluate
from runtime_bench.runtimes import RUNTIMES
from zoo.datasets import Dataset, batches, open_dataset
from zoo.files import atomic_path
from zoo.networks import InputOverrides, Network, load_network

NETWORK = "tf_mobilenetv3_small_100"
COMPARED = ("executorch", "onnx", "coreml", "litert")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--recipe", default="ptq")
    parser.add_argument("--formats", default=",".join(COMPARED))
    parser.add_argument("--program", type=Path, help="folder that keeps the program")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    weights = options.shared / "weights" / f"{NETWORK}.imagenet.safetensors"
    half = (0.5, 0.5, 0.5)
    network = load_network(NETWORK, weights, overrides=InputOverrides(mean=half, std=half))
    program = _program(network, options.shared, options.recipe, options.program)
    photos = open_dataset(str(options.shared / "data" / "imagenet_dev"), labelled=True)
    document = {"network": NETWORK, "recipe": options.recipe, "rows": []}
    if options.output.exists():
        document = json.loads(options.output.read_text())
    for form in options.formats.split(","):
        if form in {row["format"] for row in document["rows"]}:
            continue
        prepared = _answers(form, network, program, frozenset(), photos)
        unprepared = asdict(compare(prepared, _answers(form, network, program, ALL, photos)))
        row: dict[str, Any] = {
            "format": form,
            "images": prepared.images,
            "top1": prepared.top1,
            "unprepared": unprepared,
        }
        document["rows"].append(row)
        with atomic_path(options.output) as temporary:
            temporary.write_text(json.dumps(document, indent=1) + "\n")
        print(f"{form}: agreement {unprepared['agreement']:.3f}", file=sys.stderr, flush=True)


def _program(network: Network, shared: Path, recipe_name: str, kept: Path | None) -> Program:
    if kept is not None and kept.exists():
        return load_program(kept)
    recipe = load_recipe(recipe_name)
    photos = open_dataset(str(shared / "data" / "imagenet_calibration"), labelled=False)
    images = read_images(photos, network, recipe.calibration.images, 1, lambda count: None)
    captured = capture(network.module, network.input_spec)
    program = quantize_captured(captured, network, images, recipe)
    if kept is not None:
        program.save(kept)
    return program


def _answers(
    form: str, network: Network, program: Program, skipped: frozenset[str], photos: Dataset
) -> Evaluation:
    exporter, runtime = FORMATS[form], RUNTIMES[form]
    source = ExportSource("int8", network.input_spec, program.graph, program, skipped)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{exporter.suffix}"
        exporter.export(source, path)
        session = runtime.load(path, threads=1)
        images = batches(photos, network.input_spec, BATCH, None, threads=1)
        return evaluate(session, images)


if __name__ == "__main__":
    main()
