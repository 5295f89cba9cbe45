"""The areas under curves of precision over recall, of images that count any number of times."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.detection.matching import Flags

RECALLS = np.linspace(0.0, 1.0, 101)
_Counts = NDArray[np.int32]


@dataclass(frozen=True)
class Curves:
    """What of C classes' detections, K of them, is looked at again for each draw of images.

    A curve's best precisions are those of right detections, so that of all others only the number
    before each counts: ``vain`` (V,) are the images of detections that are wrong at all thresholds,
    and ``before`` (K,) how many of them come before each of the K others, which are on ``image``
    (K,) and at T thresholds ``right`` and ``counted``, right or wrong, (T, K). Both are in order of
    their classes: class c begins at ``starts[c]`` of the K and at ``vain_starts[c]`` of the V.
    ``objects`` (C, images) is how many there are to find.
    """

    objects: NDArray[np.int64]
    vain: NDArray[np.int64]
    vain_starts: NDArray[np.int64]
    before: NDArray[np.int64]
    image: NDArray[np.int64]
    starts: NDArray[np.int64]
    right: _Counts
    counted: _Counts

    @classmethod
    def of(
        cls,
        objects: NDArray[np.int64],
        image: NDArray[np.int64],
        group: NDArray[np.int64],
        right: Flags,
        wrong: Flags,
    ) -> Curves:
        """Of D detections of all images, in order of their class, ``group`` (D,) of 0..C-1, and of
        falling score: the image of each (D,), and what it is at each threshold, (T, D)."""
        vain = wrong.all(axis=0)
        kept = right.any(axis=0) | (wrong.any(axis=0) & ~vain)
        classes = np.arange(len(objects) + 1)
        counted = (right | wrong)[:, kept]
        if counted.all():  # and so are the same at all thresholds
            counted = counted[:1]
        return cls(
            objects,
            image[vain],
            np.searchsorted(group[vain], classes),
            np.cumsum(vain, dtype=np.int64)[kept],
            image[kept],
            np.searchsorted(group[kept], classes),
            right[:, kept].astype(np.int32),
            counted.astype(np.int32),
        )

    def areas(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """The mean over all recalls of the best precision there or at a higher one, by threshold
        and class, (T, C), where image i counts ``counts[i]`` times; NaN of a class without
        objects."""
        objects = self.objects @ counts
        precisions = np.tile(np.where(objects > 0, 0.0, np.nan), (len(self.right), 1))
        group, filled = self._group, self._filled
        if not filled.size:
            return precisions
        weights = counts[self.image].astype(np.int32)
        vain = _sums(counts[self.vain])
        before = vain[self.before] - vain[self.vain_starts[group]]
        right = self._running(self.right * weights)
        seen = self._running(self.counted * weights) + before
        precision = right / np.maximum(seen, 1)
        # Each class is lifted above the next, so that one pass from the end serves all.
        lift = 2.0 * (len(objects) - group)
        best = np.maximum.accumulate((precision + lift)[:, ::-1], axis=1)[:, ::-1] - lift
        # How many of the recalls each detection is the first to reach.
        reached = _reached(objects, right, group)
        first = np.diff(reached, axis=1, prepend=0)
        first[:, self.starts[filled]] = reached[:, self.starts[filled]]
        sums = np.add.reduceat(first * best, self.starts[filled], axis=1)
        precisions[:, filled] = np.where(objects[filled] > 0, sums / len(RECALLS), np.nan)
        return precisions

    @cached_property
    def _group(self) -> NDArray[np.int64]:
        """The class of each of the K."""
        return np.repeat(np.arange(len(self.objects)), np.diff(self.starts))

    @cached_property
    def _filled(self) -> NDArray[np.int64]:
        """The classes that some of the K are of."""
        return np.flatnonzero(np.diff(self.starts))

    def _running(self, values: _Counts) -> _Counts:
        """Sums of ``values`` (T, K) so far, from the beginning of each class."""
        total = np.cumsum(values, axis=1, dtype=np.int32)
        starts = self.starts[self._group]
        return np.asarray(total - np.where(starts > 0, total[:, starts - 1], 0), np.int32)


def _sums(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of the first 0, 1, 2, ... of them."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(values)))


def _reached(
    objects: NDArray[np.int64], right: _Counts, group: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many recalls are reached by each number of ``right`` (T, K) of its class."""
    sizes = objects + 1
    starts = _sums(sizes)
    number = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
    recall = number / np.repeat(np.maximum(objects, 1), sizes)
    table = np.searchsorted(RECALLS, recall, side="right")
    return np.asarray(table[starts[group] + right])
