"""Which detections of two detectors are the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.detection.objects import Found


def pairs(
    first: Found, second: Found, overlaps: NDArray[np.float64], least: float
) -> list[tuple[int, int]]:
    """Pair detections of one class whose ``overlaps`` (D1, D2) are at least ``least``, those that
    overlap most first; the order of the two detectors does not matter."""
    left = np.where(first.labels[:, None] == second.labels[None], overlaps, 0.0)
    found = []
    while left.size and left.max() >= least:
        row, column = np.unravel_index(np.argmax(left), left.shape)
        left[row], left[:, column] = 0, 0
        found.append((int(row), int(column)))
    return found
