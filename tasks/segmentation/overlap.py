"""The metrics of pixels, by what each image contributes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats.class_overlap import ClassOverlap


@dataclass(frozen=True)
class MeanIou:
    """Intersection over union of all images together, the mean over the classes there are; 0 where
    no pixel counts. An ``Evaluation``."""

    overlap: ClassOverlap

    @classmethod
    def of_parts(cls, parts: NDArray[np.float64]) -> MeanIou:
        """The inverse of ``parts``.

        Raises:
            ValueError: they are none of this metric's.
        """
        if parts.shape[1] % 3:
            raise ValueError("are no overlaps of classes")
        return cls(ClassOverlap(*np.split(np.rint(parts).astype(np.int64), 3, axis=1)))

    @property
    def images(self) -> int:
        """How many."""
        return self.overlap.images

    @property
    def parts(self) -> NDArray[np.float64]:
        """Pixels of each class: of the target, of the prediction, of both; (images, 3 classes)."""
        counts = (self.overlap.target, self.overlap.predicted, self.overlap.both)
        return np.concatenate(counts, axis=1).astype(np.float64)

    def value(self) -> float:
        """See ``Evaluation``."""
        found = self.overlap.mean_iou()
        return 0.0 if np.isnan(found) else found

    def values(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """See ``Evaluation``."""
        return np.nan_to_num(self.overlap.mean_ious(weights))

    def by_class(self) -> tuple[float | None, ...]:
        """Each class's intersection over union."""
        return tuple(None if np.isnan(iou) else float(iou) for iou in self.overlap.ious())

    def beside(self, other: MeanIou) -> MeanIou:
        """See ``Evaluation``."""
        return MeanIou.of_parts(np.concatenate((self.parts, other.parts)))


@dataclass(frozen=True)
class PixelAccuracy:
    """The share of pixels of all images that have the target's class; 0 where none counts. An
    ``Evaluation``.

    ``parts`` (images, 2): pixels that have it, and pixels that count.
    """

    parts: NDArray[np.float64]

    @classmethod
    def of(cls, overlap: ClassOverlap) -> PixelAccuracy:
        """That of the same pixels."""
        counts = (overlap.both.sum(1), overlap.target.sum(1))
        return cls(np.stack(counts, axis=1).astype(np.float64))

    @classmethod
    def of_parts(cls, parts: NDArray[np.float64]) -> PixelAccuracy:
        """The inverse of ``parts``.

        Raises:
            ValueError: they are none of this metric's.
        """
        if parts.shape[1] != 2:
            raise ValueError("are no counts of pixels")
        return cls(parts)

    @property
    def images(self) -> int:
        """How many."""
        return len(self.parts)

    def value(self) -> float:
        """See ``Evaluation``."""
        right, counted = self.parts.sum(0)
        return float(right / counted) if counted else 0.0

    def values(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """See ``Evaluation``."""
        right, counted = (weights @ self.parts).T
        return np.where(counted > 0, right / np.maximum(counted, 1), 0.0)

    def by_class(self) -> tuple[float | None, ...]:
        """Empty: not told by class."""
        return ()

    def beside(self, other: PixelAccuracy) -> PixelAccuracy:
        """See ``Evaluation``."""
        return PixelAccuracy(np.concatenate((self.parts, other.parts)))
