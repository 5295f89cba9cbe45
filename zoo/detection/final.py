"""Detections from every box's class scores: threshold, suppression within classes, the best."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from zoo.detection.boxes import exists, take
from zoo.detection.rules import DetectionRule
from zoo.detection.suppression import kept


class Detections(NamedTuple):
    """Detections of a batch, the best first; those that make up the number are all 0.

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
    there = (found > 0).to(scores.dtype).unsqueeze(2)
    final, classes_found = take(chosen, order) * there, take(labels.unsqueeze(2), order) * there
    return Detections(final, found, classes_found.squeeze(2))
