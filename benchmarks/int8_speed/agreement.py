"""Prepared int8 against unprepared int8 with real weights.

    python -m benchmarks.int8_speed.agreement NETWORK --weights FILE --data DIR --calibration DIR \
        --output benchmarks/int8_speed/agreement.json

One program is exported with every pass of ``export.graph_passes`` and with none, and the artefacts
answer the same images. ``of_float`` is how far the unprepared artefact itself is from the float
network: what rounding flips anyway. Rows that are there already are not made again.

``last_bit`` is the control: the same program, in torch, against itself with every activation's
scale moved by up to a part of itself, drawn evenly. 1e-7 is float32's last bit, 1e-4 float16's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.emulated.files import write
from export.base import ExportSource
from export.format_info import FORMAT_INFO
from export.formats import FORMATS
from export.graph_passes import ALL
from fbdeploy.pipeline.steps.images import BATCH, read_images
from quantize.program import Program
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from runtime_bench.accuracy import Evaluation, compare, evaluate
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.module_session import ModuleSession
from zoo.datasets import batches, open_dataset
from zoo.networks import InputOverrides, Network, load_network

COMPARED = ("executorch", "onnx", "litert", "coreml")
MOVES = (1e-7, 1e-6, 1e-5, 1e-4)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    for name in ("--weights", "--data", "--calibration"):
        parser.add_argument(name, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--num-classes", type=int)
    parser.add_argument("--input-size", type=int)
    parser.add_argument("--mean", type=float, default=0.5)
    parser.add_argument("--std", type=float, default=0.5)
    parser.add_argument("--crop-pct", type=float)
    parser.add_argument("--formats", default=",".join(COMPARED))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    network = load_network(
        options.network,
        options.weights,
        num_classes=options.num_classes,
        overrides=InputOverrides(
            size=options.input_size,
            mean=(options.mean,) * 3,
            std=(options.std,) * 3,
            crop_pct=options.crop_pct,
        ),
    )
    document: dict[str, Any] = {"rows": []}
    if options.output.exists():
        document = json.loads(options.output.read_text())
    known = {(row["network"], row["format"]) for row in document["rows"]}
    left = [form for form in options.formats.split(",") if (options.network, form) not in known]
    controls = document.setdefault("last_bit", [])
    controlled = options.network in {row["network"] for row in controls}
    if not left and controlled:
        return
    recipe = load_recipe()
    found = open_dataset(options.calibration, labelled=False)
    images = read_images(found, network, recipe.calibration.images, 1, lambda count: None)
    program = quantize(network, images, recipe)
    reference = _answers(_session(network.module, network), network, options.data)
    if not controlled:
        for row in _last_bit(program, network, options.data):
            controls.append({"network": options.network, **row})
        write(options.output, document)
    for form in left:
        answers = []
        for skipped in (frozenset[str](), ALL):
            source = ExportSource("int8", network.input_spec, program.graph, program, skipped)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"model{FORMAT_INFO[form].suffix}"
                FORMATS[form].export(source, path)
                session = RUNTIMES[form].load(path, threads=1)
                answers.append(_answers(session, network, options.data))
        prepared, plain = answers
        row = {
            "network": options.network,
            "format": form,
            "images": prepared.images,
            "top1": prepared.top1,
            "unprepared": asdict(compare(prepared, plain)),
            "of_float": asdict(compare(plain, reference)),
        }
        document["rows"].append(row)
        write(options.output, document)
        print(f"{form}: agreement {row['unprepared']['agreement']:.4f}", file=sys.stderr)


def _last_bit(program: Program, network: Network, data: str) -> list[dict[str, Any]]:
    """One row for each of :data:`MOVES`."""
    generator, rows = torch.Generator().manual_seed(0), []
    exact = _answers(_session(program.module(), network), network, data)
    for most in MOVES:
        grids = {}
        for name, grid in program.activations.items():
            move = most * (2 * float(torch.rand(1, generator=generator)) - 1)
            grids[name] = replace(grid, scale=float(np.float32(grid.scale * (1 + move))))
        trial = replace(program, activations=grids)
        moved = _answers(_session(trial.module(), network), network, data)
        found = asdict(compare(moved, exact))
        rows.append({"moved": most, "compared": found})
        print(f"moved by {most:g}: agreement {found['agreement']:.4f}", file=sys.stderr)
    return rows


def _session(module: Callable[[Tensor], Tensor], network: Network) -> ModuleSession:
    return ModuleSession(module, network.input_spec, threads=1)


def _answers(session: Any, network: Network, data: str) -> Evaluation:
    found = open_dataset(
        data, labelled=True, num_classes=network.num_classes, network_labels=network.labels
    )
    return evaluate(session, batches(found, network.input_spec, BATCH, None, threads=1))


if __name__ == "__main__":
    main()
