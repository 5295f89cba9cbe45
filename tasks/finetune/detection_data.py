"""Annotated pictures as a detector is trained on them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.detection.objects import encoded
from zoo.datasets.detection.annotations import AnnotatedPicture, Mask
from zoo.datasets.masks import place_mask
from zoo.datasets.samples import Sample
from zoo.detection.training.truth import Truth
from zoo.input_spec import InputSpec
from zoo.preprocess import placement, preprocess

SMALLEST = 1.0
"""Pixels of the input that an object's sides have at least; smaller ones are left out."""


def example(
    sample: Sample, spec: InputSpec, *, masks: bool, mirrored: bool
) -> tuple[Tensor, Truth]:
    """A picture, normalized (3, height, width), and its objects; crowds are left out.

    Args:
        sample: its target an ``AnnotatedPicture``.
        spec: the network's input.
        masks: whether masks are learned; objects without one have an empty one.
        mirrored: whether left is right.
    """
    picture = sample.target
    assert isinstance(picture, AnnotatedPicture)
    place = placement(picture.width, picture.height, spec)
    scale = np.array([place.width / picture.width, place.height / picture.height] * 2)
    limit = np.array([spec.width, spec.height] * 2)
    boxes, labels, drawn = [], [], []
    for instance in picture.instances:
        moved = np.array(instance.box) * scale - np.array([place.left, place.top] * 2)
        box = np.clip(moved, 0, limit)
        if instance.crowd or min(box[2:] - box[:2]) < SMALLEST:
            continue
        boxes.append(box)
        labels.append(instance.label)
        if masks:
            drawn.append(_placed(instance.mask, picture, spec))
    x = torch.from_numpy(preprocess(sample.image, spec))
    told = torch.tensor(np.array(boxes).reshape(-1, 4), dtype=torch.float32)
    shown = None
    if masks:
        stacked = np.array(drawn, bool).reshape(-1, spec.height, spec.width)
        shown = torch.from_numpy(stacked)
    if mirrored:
        x = x.flip(2)
        told = torch.stack(
            (spec.width - told[:, 2], told[:, 1], spec.width - told[:, 0], told[:, 3]), 1
        )
        shown = None if shown is None else shown.flip(2)
    return x, Truth(told, torch.tensor(labels, dtype=torch.int64), shown)


def _placed(mask: Mask | None, picture: AnnotatedPicture, spec: InputSpec) -> NDArray[np.bool_]:
    """A mask under the network's input, (height, width)."""
    from faster_coco_eval.core import mask as coco_mask

    if mask is None:
        return np.zeros((spec.height, spec.width), bool)
    whole = coco_mask.decode(encoded(mask, (picture.height, picture.width)))
    placed: NDArray[np.bool_] = place_mask(np.asarray(whole, np.uint8), spec) == 1
    return placed
