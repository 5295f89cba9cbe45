"""Detections from every box's class scores: threshold, suppression within classes, the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from zoo.detection.boxes import exists, take
from zoo.detection.suppression import SWEEPS, kept


@dataclass(frozen=True)
class DetectionRule:
    """Which boxes are detections.

    Of all pairs of box and class with a score above ``lowest`` the ``candidates`` best go into
    suppression at ``threshold`` within their class, and of what it keeps the ``most`` best are
    detections. With fewer candidates than pairs above ``lowest`` the result may differ from
    suppression among all of them. Boxes are left out whose shorter side is below ``smallest``
    pixels.
    """

    lowest: float = 0.05
    threshold: float = 0.5
    most: int = 100
    candidates: int = 300
    smallest: float = 0.0
    sweeps: int = SWEEPS


class Detections(NamedTuple):
    """Detections of a batch, the best first; those that make up the number have the score 0.

    ``boxes`` (N, D, 4) in pixels of the input, ``scores`` (N, D) in [0, 1], ``labels`` (N, D): the
    class's index as a float, since runtimes' outputs are.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor


def detect(boxes: Tensor, scores: Tensor, rule: DetectionRule) -> Detections:
    """Choose the detections.

    Args:
        boxes: (N, R, C, 4), a box a class, or (N, R, 1, 4), one for all; clipped.
        scores: (N, R, C) probabilities, without the background.
        rule: which.
    """
    _, count, classes = scores.shape
    flat = scores.reshape(-1, count * classes)
    best, index = torch.topk(flat, min(rule.candidates, count * classes), dim=1)
    labels = torch.remainder(index, classes).to(scores.dtype)
    own = boxes.shape[2] != 1
    place = index if own else torch.div(index, classes, rounding_mode="floor")
    chosen = take(boxes.reshape(-1, count * (classes if own else 1), 4), place)
    present = (best > rule.lowest).to(scores.dtype)
    if rule.smallest > 0:
        present = present * exists(chosen, rule.smallest, inclusive=True)
    keep = kept(chosen, present, rule.threshold, labels, rule.sweeps)
    found, order = torch.topk(best * keep, min(rule.most, best.shape[1]), dim=1)
    return Detections(take(chosen, order), found, take(labels.unsqueeze(2), order).squeeze(2))
