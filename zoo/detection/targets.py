"""Which anchors are examples when a region proposal network is trained."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.models.detection._utils import Matcher
from torchvision.ops import box_iou


def label_anchors(truth: Tensor, anchors: Tensor, thresholds: tuple[float, float]) -> Tensor:
    """1.0 for examples of an object, 0.0 of background, -1.0 for what is neither: (A,).

    An anchor is an object's from the upper of ``thresholds`` on, in intersection over union, and
    background below the lower one; the anchors that overlap an object most are its, whatever they
    overlap.

    Args:
        truth: (G, 4) boxes; none: everything is background.
        anchors: (A, 4).
        thresholds: lower and upper.
    """
    if not len(truth):
        return torch.zeros(len(anchors))
    lower, upper = thresholds
    matches = Matcher(upper, lower, allow_low_quality_matches=True)(box_iou(truth, anchors))
    labels: Tensor = torch.where(matches >= 0, 1.0, torch.where(matches == -1, 0.0, -1.0))
    return labels
