"""What int8 costs the default segmenter on composed scenes, beside the libraries' default exports.

    fbdeploy deploy default-segmenter --precisions fp32,int8,int8-qat --artefacts-only --output OUT
    python -m benchmarks.segmentation.scenes OUT --output benchmarks/segmentation/scenes.json

Every artefact of OUT, and each library's documented default int8 calibrated on the same scenes
(``benchmarks/emulated/default_exports.py``), is run in its own runtime on ``--images`` scenes and
held against the float network, with the paired bootstrap over scenes.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.emulated.default_exports import executorch_int8, litert_int8, onnx_int8, quiet
from benchmarks.emulated.files import write
from benchmarks.segmentation.parity import scenes
from fbdeploy.pipeline.steps.opening import open_scored
from fbdeploy.records.manifest import read_manifest
from runtime_bench.accuracy import Evaluation, compare, evaluate
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.base import Answering
from runtime_bench.runtimes.module_session import ModuleSession
from tasks.segmentation.metrics import MIOU, PIXEL_AGREEMENT
from tasks.table import task_named
from zoo.datasets import batches
from zoo.datasets.masks import open_masks
from zoo.names import DEFAULT_SEGMENTER
from zoo.networks import Network, load_network
from zoo.scenes import SCENES, SCENES_CALIBRATION

CALIBRATION = 512
"""Scenes that the default exports are calibrated on, as many as ours."""
BATCH = 32
DEFAULTS = {"executorch": executorch_int8, "onnx": onnx_int8, "litert": litert_int8}


def run(network: Network, session: Answering, images: int) -> Evaluation:
    """The answers on the first ``images`` scenes."""
    found = batches(open_masks(SCENES), network.input_spec, BATCH, images, threads=1)
    return evaluate(session, found, task=task_named(network.task))


def row(name: str, evaluation: Evaluation, exact: Evaluation) -> dict[str, Any]:
    """mIoU and agreement of pixels, and the difference from float with its 95 % interval."""
    told = {score.metric: score for score in compare(evaluation, exact).scores}
    miou, alike = told[MIOU.name], told[PIXEL_AGREEMENT.name]
    return {
        "name": name,
        "miou": miou.value,
        "difference": miou.difference,
        "interval": None if miou.difference_interval is None else asdict(miou.difference_interval),
        "pixel_agreement": alike.value,
    }


@contextmanager
def default_session(network: Network, form: str) -> Iterator[Answering]:
    """The library's default int8 of the network, in its runtime."""
    calibration = torch.from_numpy(scenes(network, SCENES_CALIBRATION, CALIBRATION))
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
    network = load_network(DEFAULT_SEGMENTER)
    scored = partial(run, network, images=given.images)
    exact = scored(ModuleSession(network.module, network.input_spec, 1, network.interface))
    rows = []
    for entry in read_manifest(given.folder).artefacts:
        rows.append(row(entry.name, scored(open_scored(given.folder, entry, network)), exact))
        print(rows[-1], flush=True)
    for form in DEFAULTS:
        with default_session(network, form) as session:
            rows.append(row(f"{form} default int8", scored(session), exact))
        print(rows[-1], flush=True)
    (own,) = (score for score in exact.scores if score.metric == MIOU.name)
    write(given.output, {"images": given.images, "float_miou": own.value, "rows": rows})


if __name__ == "__main__":
    main()
