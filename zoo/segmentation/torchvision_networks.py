"""torchvision's segmentation networks, without the head that only their training uses."""

from __future__ import annotations

from typing import Any

import torchvision

from zoo.checkpoints import Layout, State
from zoo.input_spec import InputSpec
from zoo.segmentation.segmenter import Segmenter

AUXILIARY = "aux_classifier."
"""Names of the weights of a head on an inner map, which helps training and answers nothing."""


def published(name: str) -> Any:
    """What torchvision says of the weights it calls DEFAULT (its ``WeightsEnum``)."""
    return torchvision.models.get_model_weights(name).DEFAULT


def input_spec(name: str) -> InputSpec:
    """The input that the published weights were scored with, squared: 520 x 520 pixels."""
    transform = published(name).transforms()
    side = transform.resize_size[0]
    return InputSpec(
        side,
        side,
        mean=tuple(transform.mean),
        std=tuple(transform.std),
        crop_pct=1.0,
        interpolation=transform.interpolation.value,
    )


def build(name: str, num_classes: int | None = None) -> Segmenter:
    """One of ``zoo.names.SEGMENTERS``, randomly initialised, by default of Pascal VOC's classes."""
    classes = num_classes or len(published(name).meta["categories"])
    builder = torchvision.models.get_model_builder(name)
    whole: Any = builder(weights=None, weights_backbone=None, num_classes=classes)
    return Segmenter(whole.backbone, whole.classifier).eval()


def without_auxiliary(state: State) -> tuple[State, Layout]:
    """A state without the auxiliary head that a file may hold, and its layout."""
    kept = {name: tensor for name, tensor in state.items() if not name.startswith(AUXILIARY)}
    return kept, "torchvision"
