"""How often two detectors find the same, which needs no labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.detection.objects import Found
from tasks.detection.pairs import pairs

LOWEST_SCORE = 0.3
"""Above it a detection is one that an app would show."""


@dataclass(frozen=True)
class DetectionAgreement:
    """The share of both detectors' detections that the other has too.

    ``pairs`` and ``detections`` (images,): pairs found, and detections of both together. Where
    neither finds anything on any image they agree.
    """

    pairs: NDArray[np.int64]
    detections: NDArray[np.int64]

    @property
    def images(self) -> int:
        """How many."""
        return len(self.pairs)

    @property
    def parts(self) -> NDArray[np.float64]:
        """Pairs and detections, (images, 2)."""
        return np.stack((self.pairs, self.detections), axis=1).astype(np.float64)

    def value(self) -> float:
        """In 0..1."""
        detections = int(self.detections.sum())
        return 2 * int(self.pairs.sum()) / detections if detections else 1.0

    def values(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """By draws, (draws,), of weights (draws, images)."""
        pairs, detections = (weights @ self.parts).T
        return np.where(detections > 0, 2 * pairs / np.maximum(detections, 1), 1.0)

    def by_class(self) -> tuple[float | None, ...]:
        """Empty: it is not told by class."""
        return ()

    def beside(self, other: DetectionAgreement) -> DetectionAgreement:
        """See ``Evaluation``."""
        return DetectionAgreement(
            np.concatenate((self.pairs, other.pairs)),
            np.concatenate((self.detections, other.detections)),
        )


def detection_agreement(first: Sequence[Found], second: Sequence[Found]) -> DetectionAgreement:
    """Pair detections of one class with a score above ``LOWEST_SCORE`` that overlap enough
    (:func:`tasks.detection.pairs.pairs`)."""
    alike, detections = [], []
    for one, other in zip(first, second, strict=True):
        mine, theirs = one.above(LOWEST_SCORE), other.above(LOWEST_SCORE)
        alike.append(len(pairs(mine, theirs)))
        detections.append(len(mine.scores) + len(theirs.scores))
    return DetectionAgreement(np.array(alike, np.int64), np.array(detections, np.int64))
