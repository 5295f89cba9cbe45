"""Which boxes are examples of which objects."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import box_iou


class Assignment(NamedTuple):
    """``kind`` (B,): 1.0 for examples of an object, 0.0 of background, -1.0 for what is neither;
    ``objects`` int64 (B,): the object each box overlaps most, 0 where there is none at all."""

    kind: Tensor
    objects: Tensor


def assign(
    truth: Tensor, boxes: Tensor, thresholds: tuple[float, float], *, best_too: bool = False
) -> Assignment:
    """Hold every box against the objects.

    A box is an object's from the upper of ``thresholds`` on, in intersection over union, and
    background below the lower one.

    Args:
        truth: (G, 4) boxes; none: everything is background.
        boxes: (B, 4).
        thresholds: lower and upper.
        best_too: the boxes that overlap an object most are examples, whatever they overlap.
    """
    if not len(truth):
        nothing = boxes.new_zeros(len(boxes))
        return Assignment(nothing, nothing.long())
    lower, upper = thresholds
    overlaps = box_iou(truth, boxes)
    most, objects = overlaps.max(0)
    kind = torch.where(most >= upper, 1.0, torch.where(most < lower, 0.0, -1.0))
    if best_too:
        best = overlaps.max(1, keepdim=True).values
        kind[((overlaps == best) & (best > 0)).any(0)] = 1.0
    return Assignment(kind, objects)


def label_anchors(truth: Tensor, anchors: Tensor, thresholds: tuple[float, float]) -> Tensor:
    """The kind of every anchor (A,), as a region proposal network is trained; see ``assign``."""
    return assign(truth, anchors, thresholds, best_too=True).kind
