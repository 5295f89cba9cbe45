"""A detector of two stages with masks, small enough to capture in seconds."""

from __future__ import annotations

import torch
from torch import nn

from tests.quantize.small_networks import randomize
from zoo.architecture import Block
from zoo.detection.config import (
    DetectorArchitecture,
    DetectorOptions,
    DetectorTable,
    PublishedPrecision,
)
from zoo.detection.conventions import detection_spec
from zoo.detection.fbnetv3 import FBNetV3Detector
from zoo.detection.rules import DetectionRule
from zoo.networks import Network, Weights

SIDE, CLASSES = 64, 3
TABLE = DetectorTable(
    name="tiny_detector",
    architecture=DetectorArchitecture(
        trunk=(
            (Block("conv", 8, k=3, s=2, bias=True), Block("ir", 8, k=3, e=1)),
            (Block("ir", 16, k=5, s=2, e=2), Block("ir", 16, k=3, e=2)),
            (Block("ir", 24, k=3, s=2, e=2, se="expanded"),),
        ),
        rpn=(Block("ir", 24, k=3, e=2),),
        bbox=(Block("ir", 24, k=3, s=2, e=2),),
        mask=(Block("ir", 16, k=3, e=2), Block("ir", 16, k=3, s=-2, e=2)),
        width_divisor=8,
    ),
    input_size=SIDE,
    anchor_sizes=((12.0, 24.0),),
    pre_nms=60,
    post_nms=8,
    published=PublishedPrecision(0, 0, 0),
)
OPTIONS = DetectorOptions(
    classes=CLASSES,
    masks=True,
    box_pooler_resolution=4,
    mask_pooler_resolution=4,
    rule=DetectionRule(lowest=0.3, most=6, candidates=20, sweeps=6),
)


def tiny_detector(options: DetectorOptions = OPTIONS) -> Network:
    """Seeded; its scores and boxes are spread, so that suppression has something to decide."""
    torch.manual_seed(0)
    module = randomize(FBNetV3Detector(TABLE, options, (SIDE, SIDE)))
    assert isinstance(module, FBNetV3Detector)
    spread: tuple[tuple[nn.Conv2d | nn.Linear, float], ...] = (
        (module.rpn.objectness, 1.0),
        (module.rpn.deltas, 0.1),
        (module.box_head.scores, 1.0),
        (module.box_head.deltas, 0.3),
    )
    with torch.no_grad():
        for layer, deviation in spread:
            layer.weight.normal_(0, deviation)
    labels = tuple(f"class {index}" for index in range(CLASSES))
    spec = detection_spec(SIDE, SIDE)
    weights = Weights("random", seed=0)
    interface = module.interface
    return Network("tiny", module, spec, labels, CLASSES, "user", weights, interface=interface)
