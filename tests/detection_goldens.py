"""Goldens of detections for the apps: made-up outputs in every way a picture lies under the input,
and real models'.

``write_detection_goldens`` makes demo bundles whose models are named only: their outputs are made
up. ``trial_detector`` is an output folder with models of a small detector that nobody trained.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fbdeploy.apps.demo_bundle import write_bundle
from tests.made_up_bundles import SIZES, cards, write_made_up
from tests.quantize.tiny_detector import tiny_detector
from tests.trial_output import made_once, write_output
from zoo.detection.fbnetv3 import FBNetV3Detector
from zoo.input_spec import InputSpec

CLASSES = 7
DETECTIONS = 12


@dataclass(frozen=True)
class MadeUp:
    """Detections for an input, with masks of ``side`` x ``side`` probabilities, 0 for none, which
    are rounded to int8's steps if ``coarse``."""

    spec: InputSpec
    side: int
    coarse: bool = False


SQUARE = InputSpec(height=96, width=96, crop_pct=1.0, crop_mode="letterbox")
MADE_UP = {
    "boxes-letterbox": MadeUp(SQUARE, 14),
    "boxes-oblong": MadeUp(replace(SQUARE, height=64, width=110), 28, coarse=True),
    "boxes-border": MadeUp(replace(SQUARE, crop_mode="border"), 1),
    "boxes-center": MadeUp(replace(SQUARE, crop_mode="center", crop_pct=0.875), 7, coarse=True),
    "boxes-whole": MadeUp(replace(SQUARE, crop_mode="squash"), 0),
}
"""By name."""


def write_detection_goldens(folder: Path) -> list[Path]:
    """A bundle for each of ``MADE_UP`` below ``folder``, in their order."""
    return [
        write_made_up(folder / name, name, "detection", one.spec, CLASSES, outputs_of(one))
        for name, one in MADE_UP.items()
    ]


def outputs_of(made_up: MadeUp, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """For each of ``SIZES``, by name: boxes over each other, beyond the input, as large as it and
    without area; scores out of order, equal ones, one that is the threshold, and places without a
    detection."""
    generator = np.random.default_rng(seed)
    count, spec = len(SIZES), made_up.spec
    sides = np.array([spec.width, spec.height], np.float32)
    starts = generator.uniform(-0.1, 0.9, (count, DETECTIONS, 2)) * sides
    ends = starts + generator.uniform(0.02, 0.7, starts.shape) * sides
    boxes = np.concatenate([starts, ends], axis=2)
    boxes[:, 2] = [0, 0, *sides]
    boxes[:, 5] = boxes[:, 5, [0, 1, 0, 3]]
    scores = generator.uniform(0.31, 1, (count, DETECTIONS))
    scores[:, 3], scores[:, 4] = scores[:, 2], np.float32(0.3)
    scores[:, 6], scores[:, -2:] = 0.2, 0
    outputs = {
        "boxes": boxes,
        "scores": scores,
        "labels": generator.integers(0, CLASSES, (count, DETECTIONS)),
    }
    if made_up.side:
        shape = (count, DETECTIONS, made_up.side, made_up.side)
        masks = generator.uniform(0, 1, shape)
        outputs["masks"] = np.round(masks * 8) / 8 if made_up.coarse else masks
    return {name: values.astype(np.float32) for name, values in outputs.items()}


@cache
def trial_detector() -> Path:
    """A folder with manifest.json, a float and an int8 ONNX file, and demo_bundle."""
    source = Path(__file__).parent / "quantize/tiny_detector.py"
    return made_once("detector", _make, (Path(__file__), source))


def _make(folder: Path) -> None:
    network = tiny_detector()
    torch.manual_seed(3)
    assert isinstance(network.module, FBNetV3Detector) and network.module.mask_head is not None
    with torch.no_grad():
        # Masks have an inside and an outside.
        network.module.mask_head.masks.weight.normal_(0, 2)
    write_output(network, (("onnx", "fp32"), ("onnx", "int8")), folder)
    write_bundle(folder, cards())
