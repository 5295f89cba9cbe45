"""How far what a detector finds is from what another one finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.detection.objects import Found
from tasks.detection.pairs import pairs

#: Added to what differs, in scores. A hundredth of one detection is what rounding moves, and
#: without it images on which nobody finds anything would decide about geometric means.
FLOOR = 0.01


@dataclass(frozen=True)
class Answer:
    """What a detector makes of an image, in pixels of its input; ``masks`` (D, S, S), probabilities
    over the boxes of the D detections of ``found``, None of one that makes none."""

    found: Found
    masks: NDArray[np.float32] | None = None


def image_distances(reference: Sequence[Answer], other: Sequence[Answer]) -> NDArray[np.float64]:
    """What share of both detectors' scores differs on each image, (N,) in 0..1.

    Pairs are those of :func:`tasks.detection.pairs.pairs`. A pair differs by its
    scores' difference, and for what both have in common by how far the boxes, and the masks over
    them, are from covering each other (one minus intersection over union, of masks that of
    probabilities); a detection without a partner by all of its score.
    """
    return np.array([_distance(one, two) for one, two in zip(reference, other, strict=True)])


def image_divergences(reference: Sequence[Answer], other: Sequence[Answer]) -> NDArray[np.float64]:
    """:func:`image_distances`, never below what :data:`FLOOR` makes of one detection, (N,)."""
    sizes = np.array(
        [
            1 + one.found.scores.sum() + two.found.scores.sum()
            for one, two in zip(reference, other, strict=True)
        ]
    )
    distances = image_distances(reference, other)
    return np.asarray((distances * (sizes - 1) + FLOOR) / sizes)


def _distance(first: Answer, second: Answer) -> float:
    one, two = first.found, second.found
    total = float(one.scores.sum(dtype=np.float64) + two.scores.sum(dtype=np.float64))
    if not total:
        return 0.0
    alike = 0.0
    for pair in pairs(one, two):
        both = 2 * min(float(one.scores[pair.first]), float(two.scores[pair.second])) * pair.overlap
        if first.masks is not None and second.masks is not None:
            both *= _covering(first.masks[pair.first], second.masks[pair.second])
        alike += both
    return max(0.0, 1 - alike / total)


def _covering(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Intersection over union of two masks of probabilities; 1 where both are empty."""
    union = float(np.maximum(first, second).sum(dtype=np.float64))
    return float(np.minimum(first, second).sum(dtype=np.float64)) / union if union else 1.0
