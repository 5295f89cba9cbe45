"""The embedded default for segmentation, trained by ``zoo.train_segmenter``."""

from __future__ import annotations

import dataclasses

from zoo import embedded
from zoo.architecture import Architecture, architectures
from zoo.fbnet import FBNet, FBNetFeatures
from zoo.input_spec import InputSpec
from zoo.names import DEFAULT_SEGMENTER
from zoo.scenes import CLASSES, SIDE
from zoo.segmentation.dilation import OutputStride
from zoo.segmentation.segmenter import Segmenter, build_segmenter

INPUT_SPEC = dataclasses.replace(embedded.INPUT_SPEC, height=SIDE, width=SIDE)
OUTPUT_STRIDE: OutputStride = 8


def trunk() -> Architecture:
    """The embedded classifier's architecture up to the first block at stride 32.

    What follows holds 80 % of the weights, and at stride 8 would take two thirds of the work.
    """
    whole = architectures()[embedded.ARCHITECTURE]
    first_at_32 = whole.stages[5][:1]
    return dataclasses.replace(whole, stages=(*whole.stages[:5], first_at_32), published=None)


def build_default(num_classes: int = len(CLASSES), spec: InputSpec = INPUT_SPEC) -> Segmenter:
    """LR-ASPP on FBNetV2-F1's blocks, randomly initialised: logits (N, classes, H / 4, W / 4)."""
    features = FBNetFeatures(FBNet(trunk(), num_classes=0))
    return build_segmenter(
        DEFAULT_SEGMENTER,
        features,
        spec,
        head="lraspp",
        num_classes=num_classes,
        output_stride=OUTPUT_STRIDE,
    )
