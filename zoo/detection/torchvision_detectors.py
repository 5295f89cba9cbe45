"""torchvision's mobile detectors by name, in fixed shapes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torchvision

from zoo.checkpoints import Layout, State, load_into, read_states
from zoo.detection.conventions import detection_spec
from zoo.detection.faster_rcnn import FixedFasterRCNN
from zoo.detection.ssdlite import FixedSSD
from zoo.errors import InputError
from zoo.input_spec import InputSpec

Thresholds = Literal["tuned", "untuned"]
"""``tuned``: what torchvision gives its mobile detectors, fewer proposals and none below a
probability of 0.05. ``untuned``: those of its ResNet-50 detectors, 1000 proposals of any
probability."""

UNTUNED = {
    "rpn_pre_nms_top_n_test": 1000,
    "rpn_post_nms_top_n_test": 1000,
    "rpn_score_thresh": 0.0,
}

CANDIDATES = 1000
"""Pairs of box and class that go into the last suppression; torchvision's models take all above
their score threshold."""
CLASSES = 91
"""Of torchvision's COCO weights, with the background."""


_FASTER_PREFIXES = {
    "rpn.head.": "proposal_head.",
    "roi_heads.box_head.": "box_head.",
    "roi_heads.box_predictor.": "box_predictor.",
}
_SSD_PREFIXES = {
    "head.classification_head.module_list.": "class_heads.",
    "head.regression_head.module_list.": "box_heads.",
}
"""From torchvision's names to those of the fixed forms."""


@dataclass(frozen=True)
class TorchvisionRow:
    """A detector of torchvision's.

    ``side`` is the default input's in pixels. Faster R-CNN resizes photos to 320 or 800 pixels on
    their shorter side and twice or 1.7 times that at most on the longer: here a square holds a
    photo of 4 : 3 about as large. ``published_ap`` is of COCO val2017 in percent, ``parameters``
    with 91 classes (both: torchvision's weights' documentation; there the batch normalization of
    Faster R-CNN's backbone is frozen and not counted). ``squash`` fits a photo's sides to the
    input's each by itself.
    """

    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    published_ap: float
    parameters: int

    squash: bool = False

    @property
    def input_spec(self) -> InputSpec:
        """The default input."""
        spec = detection_spec(self.side, self.side, self.mean, self.std)
        return dataclasses.replace(spec, crop_mode="squash") if self.squash else spec


_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
DETECTORS = {
    "ssdlite320_mobilenet_v3_large": TorchvisionRow(320, *_HALF, 21.3, 3_440_060, squash=True),
    "fasterrcnn_mobilenet_v3_large_320_fpn": TorchvisionRow(448, *_IMAGENET, 22.8, 19_386_354),
    "fasterrcnn_mobilenet_v3_large_fpn": TorchvisionRow(800, *_IMAGENET, 32.8, 19_386_354),
}


def build_torchvision(
    name: str, classes: int = CLASSES, thresholds: Thresholds = "tuned", seed: int = 0
) -> Any:
    """torchvision's own model, in evaluation mode and with random weights.

    Raises:
        InputError: no such detector, or thresholds of proposals for one that makes none.
    """
    if name not in DETECTORS:
        raise InputError(f"{name}: no such detector; there are {', '.join(DETECTORS)}")
    arguments: dict[str, Any] = {}
    if thresholds == "untuned":
        if name.startswith("ssd"):
            raise InputError(f"{name}: makes no proposals, so it has no thresholds of them")
        arguments = dict(UNTUNED)
    builder = torchvision.models.get_model_builder(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = builder(weights=None, weights_backbone=None, num_classes=classes, **arguments)
    return model.eval()


def load_torchvision(
    name: str,
    weights: Path | None = None,
    *,
    classes: int = CLASSES,
    size: tuple[int, int] | None = None,
    thresholds: Thresholds = "tuned",
    candidates: int = CANDIDATES,
    outputs: Literal["detections", "maps"] = "detections",
    seed: int = 0,
) -> FixedFasterRCNN | FixedSSD:
    """A torchvision detector in fixed shapes, in evaluation mode.

    Args:
        name: one of ``DETECTORS``.
        weights: a state dict of torchvision's model; None: random ones.
        classes: with the background.
        size: height and width of the input in pixels; None: the row's.
        thresholds: of Faster R-CNN's proposals.
        candidates: pairs of box and class that go into the last suppression.
        outputs: ``maps`` for SSDlite's raw maps.
        seed: of random weights.

    Raises:
        InputError: no such detector, options it does not have, or weights that do not fit.
    """
    model = build_torchvision(name, classes, thresholds, seed)
    if weights is not None:
        load_into(model, read_states(weights)[0].state, origin=str(weights), network=name)
    return in_fixed_shapes(name, model, size=size, candidates=candidates, outputs=outputs)


def in_fixed_shapes(
    name: str,
    model: Any,
    *,
    size: tuple[int, int] | None = None,
    candidates: int = CANDIDATES,
    outputs: Literal["detections", "maps"] = "detections",
) -> FixedFasterRCNN | FixedSSD:
    """torchvision's ``model`` called ``name``, whose parts are shared; see ``load_torchvision``.

    Raises:
        InputError: a size or outputs that it does not have.
    """
    row = DETECTORS[name]
    if name.startswith("ssd"):
        if size not in (None, (row.side, row.side)):
            raise InputError(f"{name}: its input has {row.side}x{row.side} pixels and no other")
        return FixedSSD(model, candidates, outputs).eval()
    if outputs == "maps":
        raise InputError(f"{name}: has two stages, so its maps are no detections yet")
    return FixedFasterRCNN(model, size or (row.side, row.side), candidates).eval()


def translate(name: str, state: State) -> tuple[State, Layout]:
    """torchvision's state of the detector ``name`` in the names of its fixed form.

    Names that begin otherwise stay as they are.
    """
    prefixes = _SSD_PREFIXES if name.startswith("ssd") else _FASTER_PREFIXES
    found: State = {}
    for key, value in state.items():
        theirs = next((one for one in prefixes if key.startswith(one)), "")
        found[prefixes.get(theirs, "") + key.removeprefix(theirs)] = value
    return found, "own" if list(found) == list(state) else "torchvision"
