"""MediaPipe's selfie segmenter in int8, a JSON line a recipe: masks of people in every format.

    python -m benchmarks.segmentation.selfie FILE.tflite --calibration FOLDER --data FOLDER

Folders hold ``instances.json`` and ``images/``; their pictures with people calibrate and are tried.
Reference are the masks of the float network, which is held against MediaPipe's file in LiteRT.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from safetensors.torch import save_file

from benchmarks.segmentation import selfie_network
from benchmarks.segmentation.selfie_weights import load
from export.base import ExportSource
from export.format_info import FORMAT_INFO
from export.formats import FORMATS
from export.inspection import inspect
from quantize.graph.capture import Captured, capture
from quantize.program import Program
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.module_session import run_module
from stats.class_overlap import ClassOverlap
from zoo.datasets.detection.coco import read_coco
from zoo.datasets.mask_classes import IGNORE
from zoo.networks import Network, load_network
from zoo.preprocess import preprocess

PERSON = 1
SMALLEST_MASK = 0.01
"""Of the picture: a photo whose float mask is smaller has no intersection over union of its own."""

UNDECIDED = 0.05
"""A pixel's probability is as near to one half as this: the mask there is a matter of rounding."""


def network_of(tflite: Path) -> Network:
    """As a user has it: the module by ``FILE.py:FUNCTION``, and a file of weights."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "selfie.safetensors"
        save_file(load(tflite).state_dict(), weights)
        return load_network(f"{selfie_network.__file__}:build", weights, num_classes=2)


def people(folder: Path, network: Network) -> NDArray[np.float32]:
    """The pictures of people of a folder, float32 (N, 3, 256, 256)."""
    data = read_coco(folder / "instances.json", masks=False)
    person = data.labels.index("person")
    shown = [
        picture
        for picture in data.pictures
        if any(instance.label == person for instance in picture.instances)
    ]
    return np.stack([preprocess(picture.read(), network.input_spec) for picture in shown])


def own_runtime(tflite: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probability of a person at each pixel, (N, 256, 256), as MediaPipe's file has it."""
    interpreter = Interpreter(str(tflite), num_threads=1)
    interpreter.allocate_tensors()
    (read,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for image in images:
        interpreter.set_tensor(read["index"], image.transpose(1, 2, 0)[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(made["index"])[0, ..., 0])
    return np.stack(found)


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of a person, of logits (N, 2, h, w)."""
    return np.asarray(torch.from_numpy(logits).softmax(1)[:, PERSON], np.float32)


def agreement(wanted: NDArray[np.float32], found: NDArray[np.float32]) -> dict[str, Any]:
    """Of the masks of ``found`` with those of ``wanted``, both logits (N, 2, h, w)."""
    masks = [(one[:, PERSON] > one[:, 1 - PERSON]).astype(np.uint8) for one in (wanted, found)]
    overlap = ClassOverlap.join(
        ClassOverlap.of(own, other, 2, IGNORE) for own, other in zip(*masks, strict=True)
    )
    large = overlap.target[:, PERSON] >= SMALLEST_MASK * masks[0][0].size
    both = overlap.both[large, PERSON]
    each = both / (overlap.target[large, PERSON] + overlap.predicted[large, PERSON] - both)
    exact, other = probabilities(wanted), probabilities(found)
    decided = np.abs(exact - 0.5) >= UNDECIDED
    masks_decided = [np.where(decided, own, 0).astype(bool) for own in masks]
    return {
        "iou": round(float(overlap.ious()[PERSON]), 4),
        "photos": int(large.sum()),
        "iou_of_a_photo": {
            "mean": round(float(each.mean()), 4),
            "least": round(float(each.min()), 4),
        },
        "pixels_alike": round(overlap.pixel_accuracy(), 5),
        "iou_where_decided": round(_iou(*masks_decided), 4),
        "mean_difference": round(float(np.abs(exact - other).mean()), 4),
    }


def _iou(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return float((first & second).sum() / (first | second).sum())


def measure(
    recipe: str,
    network: Network,
    captured: Captured,
    calibration: NDArray[np.float32],
    tried: NDArray[np.float32],
    formats: Sequence[str],
) -> dict[str, Any]:
    """The row of one recipe; a format that fails has its reason instead of figures."""
    began = time.monotonic()
    program = quantize_captured(captured, network, calibration, load_recipe(recipe))
    seconds = round(time.monotonic() - began, 1)
    wanted = _logits(captured.graph, captured, tried)
    return {
        "recipe": recipe,
        "quantize_seconds": seconds,
        "layers_int8": f"{len(program.weights)}/{len(program.plan.weighted)}",
        "program": agreement(wanted, _logits(program.module(), captured, tried)),
        "formats": {form: _artefact(form, program, tried, wanted) for form in formats},
    }


def _logits(module: Any, captured: Captured, tried: NDArray[np.float32]) -> NDArray[np.float32]:
    (found,) = run_module(module, captured.interface, tried).values()
    return found


def _artefact(
    form: str, program: Program, tried: NDArray[np.float32], wanted: NDArray[np.float32]
) -> dict[str, Any]:
    source = ExportSource("int8", program.input_spec, program.graph, program)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"artefact{FORMAT_INFO[form].suffix}"
        try:
            FORMATS[form].export(source, path)
            share = inspect(path).int8_share
            (found,) = RUNTIMES[form].load(path, 1).run(tried).values()
        except Exception as error:
            lines = str(error).strip().splitlines()
            return {"reason": f"{type(error).__name__}: {lines[0] if lines else ''}"[:240]}
    figures = agreement(wanted, found)
    return {**figures, "int8_share": None if share is None else round(share, 4)}


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tflite", type=Path)
    parser.add_argument("--calibration", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recipes", default="ptq-fast,ptq")
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    network = network_of(given.tflite)
    calibration, tried = (people(folder, network) for folder in (given.calibration, given.data))
    captured = capture(network.module, network.input_spec, network.interface)
    ours = probabilities(_logits(captured.graph, captured, tried))
    own = own_runtime(given.tflite, tried)
    compared = {
        "calibration_photos": len(calibration),
        "photos": len(tried),
        "float_largest_difference": float(f"{np.abs(own - ours).max():.2g}"),
        "float_masks_alike": bool(((own > 0.5) == (ours > 0.5)).all()),
        "person_pixels": round(float((ours > 0.5).mean()), 4),
        "undecided_pixels": round(float((np.abs(ours - 0.5) < UNDECIDED).mean()), 4),
    }
    formats = [form for form in given.formats.split(",") if form]
    for recipe in given.recipes.split(","):
        row = {**compared, **measure(recipe, network, captured, calibration, tried, formats)}
        print(json.dumps(row), flush=True)
        if given.output is not None:
            with given.output.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
