"""Segmenters through all formats, fp32 and int8: a JSON line a network.

    python -m benchmarks.segmentation.parity lraspp_mobilenet_v3_large --pixels 320

Weights are random where no file is given, with batch norms settled on noise (zoo/initialise.py):
what is measured is whether artefacts compute what they were made from, not accuracy.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from export.base import ExportSource
from export.format_info import FORMAT_INFO, NumberType
from export.formats import FORMATS
from export.inspection import inspect
from quantize.graph.capture import Captured, capture
from quantize.program import Program
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.module_session import run_module
from stats.signal_to_noise import sqnr_db
from tasks.agreement import agreement
from tasks.base import Outputs
from tasks.table import task_named
from zoo.datasets import batches
from zoo.datasets.masks import open_masks
from zoo.networks import InputOverrides, Network, load_network
from zoo.scenes import SCENES, SCENES_CALIBRATION

CALIBRATION, TRIED = 32, 4
PRECISIONS: tuple[NumberType, ...] = ("fp32", "int8")


def measure(
    name: str, pixels: int | None, weights: str | None, recipe: str, formats: list[str]
) -> dict[str, Any]:
    """The row of one network; a format that fails has its reason instead of figures."""
    began = time.monotonic()
    network = load_network(name, weights, overrides=InputOverrides(size=pixels))
    captured = capture(network.module, network.input_spec, network.interface)
    images, tried = (
        scenes(network, SCENES_CALIBRATION, CALIBRATION),
        scenes(network, SCENES, TRIED),
    )
    program = quantize_captured(captured, network, images, load_recipe(recipe))
    exact = run_module(captured.graph, captured.interface, tried)
    int8 = run_module(program.module(), program.interface, tried)
    alike = agreement(task_named(network.task), exact, int8)
    row: dict[str, Any] = {
        "network": name,
        "pixels": network.input_spec.height,
        "output": list(network.outputs[0].shape),
        "recipe": recipe,
        "program_db": _db(exact, int8),
        "program_pixels_alike": round(alike, 4),
        "layers_int8": f"{len(program.weights)}/{len(program.plan.weighted)}",
        "quantize_seconds": round(time.monotonic() - began, 1),
        "formats": {},
    }
    for form in formats:
        row["formats"][form] = {
            precision: _artefact(form, precision, captured, program, tried, exact, int8)
            for precision in PRECISIONS
        }
    return row


def scenes(network: Network, name: str, count: int) -> NDArray[np.float32]:
    """Composed scenes as the network is shown them, float32 (count, 3, H, W)."""
    found = batches(open_masks(name), network.input_spec, count, count, threads=1)
    return next(found).images


def _artefact(
    form: str,
    precision: NumberType,
    captured: Captured,
    program: Program,
    tried: NDArray[np.float32],
    exact: Outputs,
    int8: Outputs,
) -> dict[str, Any]:
    """fp32 against the float network, by the largest difference over the largest value; int8
    against the program, by signal to noise."""
    source = ExportSource(
        precision,
        program.input_spec,
        captured.graph,
        program if precision == "int8" else None,
        float_interface=captured.interface,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"artefact{FORMAT_INFO[form].suffix}"
        try:
            FORMATS[form].export(source, path)
            share = inspect(path).int8_share
            found = RUNTIMES[form].load(path, 1).run(tried)
        except Exception as error:
            lines = str(error).strip().splitlines()
            return {"reason": f"{type(error).__name__}: {lines[0] if lines else ''}"[:240]}
    if precision == "int8":
        return {"db": _db(int8, found), "int8_share": None if share is None else round(share, 4)}
    ((name, value),) = exact.items()
    largest = float(np.abs(found[name] - value).max() / np.abs(value).max())
    return {"relative": float(f"{largest:.2g}")}


def _db(reference: Outputs, other: Outputs) -> float | None:
    ((name, value),) = reference.items()
    found = sqnr_db(value.astype(np.float64), other[name].astype(np.float64))
    return None if found is None else round(found, 1)


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--pixels", type=int)
    parser.add_argument("--weights")
    parser.add_argument("--recipe", default="ptq-fast")
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.names:
        row = measure(name, given.pixels, given.weights, given.recipe, given.formats.split(","))
        print(json.dumps(row), flush=True)
        if given.output is not None:
            with given.output.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
