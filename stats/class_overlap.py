"""How well predicted classes cover those of targets, pixel by pixel, over many images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class ClassOverlap:
    """Pixels of each class in each image, (images, classes): of the target, of the prediction, and
    of both in the same place. Pixels whose target does not count are in none of them.

    Intersection over union and accuracy need no more, so no mask and no logits are kept.
    """

    target: Counts
    predicted: Counts
    both: Counts

    @classmethod
    def of(
        cls, target: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: int, ignore: int
    ) -> ClassOverlap:
        """That of one image.

        Args:
            target: the class at each pixel, 0..classes-1 or ``ignore``, of any shape.
            predicted: 0..classes-1, of the same shape.
            classes: how many.
            ignore: the target of pixels that do not count.

        Raises:
            ValueError: shapes differ, or a class is none of them.
        """
        if target.shape != predicted.shape:
            raise ValueError(f"target {target.shape} and prediction {predicted.shape} differ")
        counted = target != ignore
        wanted, found = target[counted], predicted[counted]
        if max(wanted.max(initial=0), found.max(initial=0)) >= classes:
            raise ValueError(f"there are classes beyond 0..{classes - 1}")
        rows = (wanted, found, wanted[wanted == found])
        return cls(*(np.bincount(row, minlength=classes)[None].astype(np.int64) for row in rows))

    @classmethod
    def join(cls, parts: Iterable[ClassOverlap]) -> ClassOverlap:
        """All images of ``parts``, of which there is one at least, in order."""
        listed = list(parts)
        return cls(
            np.concatenate([part.target for part in listed]),
            np.concatenate([part.predicted for part in listed]),
            np.concatenate([part.both for part in listed]),
        )

    @property
    def images(self) -> int:
        """How many."""
        return len(self.target)

    def ious(self, weights: Counts | None = None) -> NDArray[np.float64]:
        """Intersection over union of each class, (classes,), in 0..1 (Everingham et al., "The
        Pascal Visual Object Classes Challenge: A Retrospective", section 3.3); NaN for a class that
        no target and no prediction has.

        Args:
            weights: how often each image counts, (images,) or (draws, images), which gives
                (draws, classes); once without them.
        """
        both = _total(self.both, weights)
        union = _total(self.target, weights) + _total(self.predicted, weights) - both
        with np.errstate(invalid="ignore"):
            return np.asarray(both / union, np.float64)

    def mean_iou(self) -> float:
        """The mean of ``ious`` over the classes there are; NaN if no pixel counts."""
        return float(_mean_of_those_there(self.ious()))

    def mean_ious(self, weights: Counts) -> NDArray[np.float64]:
        """``mean_iou`` by draws, (draws,), of weights (draws, images)."""
        return _mean_of_those_there(self.ious(weights))

    def pixel_accuracy(self) -> float:
        """The share of pixels that have the target's class; NaN if no pixel counts."""
        counted = int(self.target.sum())
        return int(self.both.sum()) / counted if counted else float("nan")


def _total(counts: Counts, weights: Counts | None) -> NDArray[np.float64]:
    # Of floats, since their product is many times as fast; exact below 2^53 pixels.
    values = counts.astype(np.float64)
    return np.asarray(values.sum(0) if weights is None else weights @ values)


def _mean_of_those_there(ious: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the last axis without NaN; NaN where there is nothing else."""
    there = ~np.isnan(ious)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, ious, 0.0).sum(-1) / there.sum(-1), np.float64)
