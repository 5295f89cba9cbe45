"""torchvision's segmentation networks, without the head that only their training uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torchvision

from zoo.checkpoints import Layout, Selection, State, load_into, read_states, select
from zoo.input_spec import InputSpec
from zoo.segmentation.segmenter import Segmenter

NETWORKS = (
    "lraspp_mobilenet_v3_large",
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
    "fcn_resnet50",
    "fcn_resnet101",
)
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
    """One of NETWORKS, randomly initialised; by default of the 21 classes of Pascal VOC."""
    classes = num_classes or len(published(name).meta["categories"])
    builder = torchvision.models.get_model_builder(name)
    whole: Any = builder(weights=None, weights_backbone=None, num_classes=classes)
    return Segmenter(whole.backbone, whole.classifier).eval()


def load(name: str, path: Path, num_classes: int | None = None) -> tuple[Segmenter, Selection]:
    """One of NETWORKS with the weights of a file, of as many classes as that has.

    The auxiliary head that a file may hold is left out.

    Args:
        name: of the network.
        path: a file as ``zoo.checkpoints`` reads them.
        num_classes: that the file must have; None takes its number.

    Returns:
        The network, and what was taken from the file.

    Raises:
        InputError: the file cannot be read or does not fit.
    """
    with torch.device("meta"):
        skeleton = build(name, num_classes)
    chosen = select(
        read_states(path),
        skeleton,
        _without_auxiliary,
        origin=str(path),
        network=name,
        any_classes=num_classes is None,
    )
    network = build(name, num_classes or chosen.classes)
    load_into(network, chosen.state, origin=str(path), network=name)
    return network, chosen


def _without_auxiliary(state: State) -> tuple[State, Layout]:
    kept = {name: tensor for name, tensor in state.items() if not name.startswith(AUXILIARY)}
    return kept, "torchvision"
