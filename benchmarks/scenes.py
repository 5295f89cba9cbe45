"""What int8 costs an embedded network on composed scenes, beside the libraries' default exports.

    fbdeploy deploy default-detector --precisions fp32,int8,int8-qat --artefacts-only --output OUT
    python -m benchmarks.scenes OUT --output benchmarks/detection/scenes.json

Every artefact of OUT, and each library's documented default int8 calibrated on the same scenes
(``benchmarks/emulated/default_exports.py``), is run in its own runtime on ``--images`` scenes and
held against the float network, with the paired bootstrap over scenes. A library that cannot export
the network has its reason instead. ``default-segmenter`` goes the same way.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.emulated.default_exports import executorch_int8, litert_int8, onnx_int8, quiet
from benchmarks.emulated.files import write
from fbdeploy.pipeline.steps import opening
from fbdeploy.records.manifest import read_manifest
from fbdeploy.records.results import ScoreInfo
from runtime_bench.accuracy import Evaluation, compare, evaluate
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.base import Answering
from runtime_bench.runtimes.module_session import ModuleSession
from tasks.scores import Score
from tasks.table import task_named
from zoo.datasets import batches, open_pictures, open_scored
from zoo.networks import Network, load_network
from zoo.scenes import SCENES, SCENES_CALIBRATION

CALIBRATION = 512
"""Scenes that the default exports are calibrated on, as many as ours."""
BATCH = 32
DEFAULTS = {"executorch": executorch_int8, "onnx": onnx_int8, "litert": litert_int8}


def run(network: Network, session: Answering, images: int) -> Evaluation:
    """The answers on the first ``images`` scenes."""
    scenes = open_scored(network.task, SCENES, num_classes=network.num_classes)
    found = batches(scenes, network.input_spec, BATCH, images, threads=1)
    return evaluate(session, found, task=task_named(network.task))


def row(name: str, evaluation: Evaluation, exact: Evaluation) -> dict[str, Any]:
    """Every metric, and its difference from float with the 95 % interval."""
    return {"name": name, "scores": figures(compare(evaluation, exact).scores)}


def figures(scores: Iterable[Score | ScoreInfo]) -> dict[str, dict[str, Any]]:
    """By metric: its value, and its difference from float with the 95 % interval."""
    return {
        score.metric: {
            "value": score.value,
            "difference": score.difference,
            "interval": score.difference_interval and list(score.difference_interval),
        }
        for score in scores
    }


@contextmanager
def default_session(network: Network, form: str) -> Iterator[Answering]:
    """The library's default int8 of the network, in its runtime."""
    pictures = open_pictures(network.task, SCENES_CALIBRATION)
    found = next(batches(pictures, network.input_spec, CALIBRATION, CALIBRATION, threads=1))
    calibration = torch.from_numpy(found.images)
    with tempfile.TemporaryDirectory() as folder:
        suffix = {"executorch": ".pte", "onnx": ".onnx", "litert": ".tflite"}[form]
        path = Path(folder) / f"model{suffix}"
        with quiet():
            DEFAULTS[form](
                copy.deepcopy(network.module).eval(),
                torch.zeros(network.input_spec.shape),
                path,
                list(calibration.split(1)),
            )
        yield RUNTIMES[form].load(path, 1)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="what deploy wrote")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    manifest = read_manifest(given.folder)
    network = load_network(manifest.network.name)
    scored = partial(run, network, images=given.images)
    exact = scored(ModuleSession(network.module, network.input_spec, 1, network.interface))
    document: dict[str, Any] = {
        "network": network.name,
        "images": given.images,
        "float": {score.metric: score.value for score in exact.scores},
        "rows": [],
    }

    def keep(found: dict[str, Any]) -> None:
        document["rows"].append(found)
        print(found, flush=True)
        write(given.output, document)

    for entry in manifest.artefacts:
        session = opening.open_scored(given.folder, entry, network)
        keep(row(entry.name, scored(session), exact))
    for form in DEFAULTS:
        name = f"{form} default int8"
        try:
            with default_session(network, form) as session:
                keep(row(name, scored(session), exact))
        except Exception as error:
            traceback.print_exc()
            keep({"name": name, "error": f"{type(error).__name__}: {error}"[:300]})


if __name__ == "__main__":
    main()
