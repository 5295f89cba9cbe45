"""Which detections of two detectors are the same."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.detection.objects import Found, box_overlaps

OVERLAP = 0.5
"""The least intersection over union of two boxes that are the same object's."""


class Pair(NamedTuple):
    """A detection of either detector, by index, and the boxes' intersection over union."""

    first: int
    second: int
    overlap: float


def pairs(first: Found, second: Found) -> list[Pair]:
    """Pair detections of one class that overlap by at least ``OVERLAP``, those that overlap most
    first; the order of the two detectors does not matter."""
    overlaps = box_overlaps(first.boxes, second.boxes, np.zeros(len(second.scores), bool))
    left = np.where(first.labels[:, None] == second.labels[None], overlaps, 0.0)
    found = []
    while left.size and left.max() >= OVERLAP:
        row, column = map(int, np.unravel_index(np.argmax(left), left.shape))
        left[row], left[:, column] = 0, 0
        found.append(Pair(row, column, float(overlaps[row, column])))
    return found
