"""What a detector's float and int8 files find on photos, format by format.

Average precision of each against that of the float network, and how often both find the same
(``detection_agreement``: intersection over union of at least 0.5, the same class, scores above
0.3).

    python -m benchmarks.detection.formats --weights FILE --data FILE.json --calibration FILE.json \
        --work FOLDER --output RESULT.json
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.run import NAME
from export.base import ExportSource
from export.format_info import FORMAT_INFO
from export.formats import FORMATS
from quantize.graph.capture import Captured, capture, load_captured
from quantize.program import Program, load_program
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from runtime_bench.accuracy import Evaluation, evaluate
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.base import Session
from runtime_bench.runtimes.module_session import ModuleSession
from tasks.scores import Score, scores_of
from tasks.table import TASKS
from zoo.datasets import Batch, batches, open_pictures, open_scored
from zoo.networks import Network, load_network

TASK = TASKS["detection"]
ORDER = ("onnx", "torchscript", "coreml", "executorch", "litert")


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default=NAME)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--calibration", required=True)
    parser.add_argument("--recipe", default="ptq")
    parser.add_argument("--formats", default=",".join(ORDER))
    parser.add_argument("--precisions", default="fp32,int8")
    parser.add_argument("--work", type=Path, required=True, help="keeps what takes long to make")
    parser.add_argument("--output", type=Path, required=True)
    asked = parser.parse_args()
    network = load_network(asked.network, asked.weights)
    captured = _captured(network, asked.work / "captured")
    program = _program(network, captured, asked)
    sources = {
        "fp32": ExportSource(
            "fp32", network.input_spec, captured.graph, float_interface=captured.interface
        ),
        "int8": ExportSource("int8", network.input_spec, program.graph, program),
    }
    photos = _photos(network, asked.data)
    float_network = _evaluated(_in_torch(captured.graph, network), photos)
    result: dict[str, Any] = {
        "network": asked.network,
        "images": float_network.images,
        "float": {score.metric: score.value for score in float_network.scores},
        "recipe": asked.recipe,
        "program": _told(
            _evaluated(_in_torch(program.module(), network), photos),
            float_network,
        ),
        "sqnr_db": program.summary.sqnr_db,
        "kept": program.summary.kept,
        "files": [],
    }
    for precision in asked.precisions.split(","):
        for name in asked.formats.split(","):
            path = asked.work / f"{precision}{FORMAT_INFO[name].suffix}"
            start = time.monotonic()
            FORMATS[name].export(sources[precision], path)
            seconds = time.monotonic() - start
            found = _evaluated(RUNTIMES[name].load(path, 1), photos)
            entry = {"format": name, "precision": precision, "export_seconds": round(seconds, 1)}
            result["files"].append(entry | _told(found, float_network))
            text = json.dumps(result, indent=1) + "\n"
            asked.output.write_text(text)
            print(json.dumps(result["files"][-1]), flush=True)
    print(text)


def _captured(network: Network, folder: Path) -> Captured:
    if not folder.exists():
        capture(network.module, network.input_spec, network.interface).save(folder)
    return load_captured(folder)


def _program(network: Network, captured: Captured, asked: argparse.Namespace) -> Program:
    folder = asked.work / asked.recipe
    if not folder.exists():
        recipe = load_recipe(asked.recipe)
        pictures = open_pictures("detection", asked.calibration)
        read = batches(pictures, network.input_spec, limit=recipe.calibration.images)
        images = np.concatenate([batch.images for batch in read])
        quantize_captured(captured, network, images, recipe).save(folder)
    return load_program(folder)


def _photos(network: Network, data: str) -> list[Batch]:
    dataset = open_scored(
        "detection", data, num_classes=network.num_classes, network_labels=network.labels
    )
    return list(batches(dataset, network.input_spec, 8))


def _in_torch(module: Any, network: Network) -> Session:
    # A detector returns its outputs by position, as graphs made of it do.
    return ModuleSession(module, network.input_spec, 1, network.interface)


def _evaluated(session: Session, photos: Iterable[Batch]) -> Evaluation:
    return evaluate(session, photos, None, TASK)


def _told(found: Evaluation, reference: Evaluation) -> dict[str, Any]:
    scores = scores_of(TASK, found.predictions, found.targets, reference.predictions)
    return {score.metric: _figures(score) for score in scores}


def _figures(score: Score) -> dict[str, Any]:
    figures: dict[str, Any] = {"value": score.value}
    if score.difference is not None and score.difference_interval is not None:
        figures |= {
            "difference": score.difference,
            "difference_interval": [score.difference_interval.low, score.difference_interval.high],
        }
    return figures


if __name__ == "__main__":
    main()
