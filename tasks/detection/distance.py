"""How far what a detector finds is from what another one finds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.detection.objects import Found
from tasks.detection.pairs import pairs

#: Added to what differs, in scores. A hundredth of one detection is what rounding moves, and
#: without it images on which nobody finds anything would decide about geometric means.
FLOOR = 0.01


def image_distances(reference: Sequence[Found], other: Sequence[Found]) -> NDArray[np.float64]:
    """What share of both detectors' scores differs on each image, (N,) in 0..1.

    Pairs are those of :func:`tasks.detection.pairs.pairs`. A pair differs by its
    scores' difference, and for what both have in common by how far the boxes are from covering each
    other (one minus intersection over union); a detection without a partner by all of its score.
    """
    return np.array([_distance(one, two) for one, two in zip(reference, other, strict=True)])


def image_divergences(reference: Sequence[Found], other: Sequence[Found]) -> NDArray[np.float64]:
    """:func:`image_distances`, never below what :data:`FLOOR` makes of one detection, (N,)."""
    sizes = np.array(
        [1 + one.scores.sum() + two.scores.sum() for one, two in zip(reference, other, strict=True)]
    )
    distances = image_distances(reference, other)
    return np.asarray((distances * (sizes - 1) + FLOOR) / sizes)


def _distance(first: Found, second: Found) -> float:
    total = float(first.scores.sum(dtype=np.float64) + second.scores.sum(dtype=np.float64))
    if not total:
        return 0.0
    alike = 0.0
    for pair in pairs(first, second):
        both = min(float(first.scores[pair.first]), float(second.scores[pair.second]))
        alike += 2 * both * pair.overlap
    return max(0.0, 1 - alike / total)
