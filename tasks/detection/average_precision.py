"""Average precision as COCO defines it, of images that count any number of times.

COCO's tools give the figure of all images once. Intervals and paired differences need that of
resampled images, so matches are kept by image here and accumulated under weights.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.detection.curves import Curves
from tasks.detection.matching import Flags, match
from tasks.detection.objects import Found, Wanted, box_overlaps, mask_overlaps

Kind = Literal["box", "mask"]
Size = Literal["all", "small", "medium", "large"]

THRESHOLDS = np.linspace(0.5, 0.95, 10)
MOST_DETECTIONS = 100
"""Of a class on an image that are looked at, the best."""
AREAS: dict[Size, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
"""Pixels; both ends belong to it, as in COCO's tools."""


@dataclass(frozen=True)
class AveragePrecision:
    """Average precision on a number of images: the mean over classes that have objects, and over
    ``thresholds`` (T,) of intersection over union.

    D detections of all images are in order of their class and of falling score: ``image`` (D,) is
    the image each is on, ``label`` (D,) its class, ``score`` (D,), and ``right`` and ``wrong``
    (T, D) what it is at each threshold; it may be neither. ``objects`` (C, images) is how many
    there are to find of each of the classes ``labels`` (C,), which are in order.
    """

    thresholds: NDArray[np.float64]
    labels: NDArray[np.int64]
    objects: NDArray[np.int64]
    image: NDArray[np.int64]
    label: NDArray[np.int64]
    score: NDArray[np.float64]
    right: Flags
    wrong: Flags

    @classmethod
    def in_order(
        cls,
        thresholds: NDArray[np.float64],
        labels: NDArray[np.int64],
        objects: NDArray[np.int64],
        *,
        image: NDArray[np.int64],
        label: NDArray[np.int64],
        score: NDArray[np.float64],
        right: Flags,
        wrong: Flags,
    ) -> AveragePrecision:
        """Of detections in any order."""
        order = np.lexsort((-score, label))
        return cls(
            thresholds,
            labels,
            objects,
            image[order],
            label[order],
            score[order],
            right[:, order],
            wrong[:, order],
        )

    @property
    def images(self) -> int:
        """How many."""
        return int(self.objects.shape[1])

    def value(self, weights: NDArray[np.int64] | None = None) -> float:
        """The metric, where image i counts ``weights[i]`` times, (images,); NaN if there is no
        object on any image, 0 if there are some and none is drawn."""
        counts = np.ones(self.images, np.int64) if weights is None else weights
        return float(self._at_thresholds(counts).mean())

    def values(
        self, weights: NDArray[np.int64], threshold: float | None = None
    ) -> NDArray[np.float64]:
        """The metric by draws, (draws,), of weights (draws, images), or that at one of the
        thresholds alone; those of the last weights are known again.

        Raises:
            ValueError: there is no such threshold.
        """
        if not any(known is weights for known, _ in self._drawn):
            values = np.stack([self._at_thresholds(row) for row in weights])
            self._drawn[:] = [(weights, values)]
        ((_, values),) = self._drawn
        chosen = np.ascontiguousarray(values[:, self._rows(threshold)])
        return np.asarray(chosen.mean(axis=1))

    def by_class(self, weights: NDArray[np.int64] | None = None) -> dict[int, float]:
        """Of every class by its index; NaN of those without objects."""
        counts = np.ones(self.images, np.int64) if weights is None else weights
        means = self._curves.areas(counts).mean(axis=0)
        return dict(zip(self.labels.tolist(), means.tolist(), strict=True))

    def at(self, threshold: float) -> AveragePrecision:
        """That at one of the thresholds alone, such as 0.5."""
        rows = self._rows(threshold)
        return dataclasses.replace(
            self, thresholds=self.thresholds[rows], right=self.right[rows], wrong=self.wrong[rows]
        )

    def beside(self, other: AveragePrecision) -> AveragePrecision:
        """That of these images and of those of ``other``, at the same thresholds, these first."""
        both = (self, other)
        labels = np.union1d(self.labels, other.labels)
        objects = np.zeros((len(labels), self.images + other.images), np.int64)
        for one, first in zip(both, (0, self.images), strict=True):
            columns = np.arange(first, first + one.images)
            objects[np.ix_(np.searchsorted(labels, one.labels), columns)] = one.objects
        return AveragePrecision.in_order(
            self.thresholds,
            labels,
            objects,
            image=np.concatenate((self.image, self.images + other.image)),
            label=np.concatenate((self.label, other.label)),
            score=np.concatenate((self.score, other.score)),
            right=np.concatenate((self.right, other.right), axis=1),
            wrong=np.concatenate((self.wrong, other.wrong), axis=1),
        )

    def _rows(self, threshold: float | None) -> NDArray[np.bool_]:
        if threshold is None:
            return np.ones(len(self.thresholds), bool)
        rows = np.isclose(self.thresholds, threshold)
        if not rows.any():
            raise ValueError(f"{threshold} is none of the thresholds {self.thresholds}")
        return rows

    def _at_thresholds(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """The mean over classes, (T,)."""
        areas = self._curves.areas(counts)
        there = ~np.isnan(areas[0])
        if not there.any():
            return np.full(len(areas), 0.0 if self.objects.any() else np.nan)
        return np.asarray(areas[:, there].mean(axis=1))

    @cached_property
    def _drawn(self) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        return []

    @cached_property
    def _curves(self) -> Curves:
        group = np.searchsorted(self.labels, self.label)
        return Curves.of(self.objects, self.image, group, self.right, self.wrong)


def average_precision(
    found: Sequence[Found], wanted: Sequence[Wanted], kind: Kind = "box", size: Size = "all"
) -> AveragePrecision:
    """Match what was found on every image with what there is.

    Args:
        found: by image.
        wanted: of the same images.
        kind: whether overlaps are of boxes or of masks.
        size: objects of which size must be found; detections of others are not held against it.

    Raises:
        ValueError: no masks where masks are asked for.
    """
    parts = [
        _match_image(image, detections, objects, label, kind, AREAS[size])
        for image, (detections, objects) in enumerate(zip(found, wanted, strict=True))
        for label in np.union1d(detections.labels, objects.labels).tolist()
    ]
    return _joined(parts, len(wanted))


@dataclass(frozen=True)
class _ImageMatches:
    """One class on one image."""

    image: int
    label: int
    scores: NDArray[np.float32]
    right: Flags
    wrong: Flags
    objects: int


def _match_image(
    image: int,
    found: Found,
    wanted: Wanted,
    label: int,
    kind: Kind,
    area: tuple[float, float],
) -> _ImageMatches:
    mine = np.flatnonzero(found.labels == label)
    mine = mine[np.argsort(-found.scores[mine], kind="stable")][:MOST_DETECTIONS]
    theirs = np.flatnonzero(wanted.labels == label)
    crowd, areas = wanted.crowd[theirs], wanted.areas[theirs]
    ignored = crowd | (areas < area[0]) | (areas > area[1])
    if kind == "box":
        boxes = found.boxes[mine]
        overlaps = box_overlaps(boxes, wanted.boxes[theirs], crowd)
        own = np.prod(boxes[:, 2:].astype(np.float64) - boxes[:, :2], axis=1)
    else:
        if found.masks is None or wanted.masks is None:
            raise ValueError("masks are asked for where there are none")
        masks = [found.masks[index] for index in mine]
        size = (wanted.height, wanted.width)
        overlaps = mask_overlaps(masks, [wanted.masks[index] for index in theirs], crowd, size)
        own = np.array([sum(mask.counts[1::2]) for mask in masks], np.float64)
    matched, vain = match(overlaps, ignored, crowd, THRESHOLDS)
    elsewhere = ~matched & ((own < area[0]) | (own > area[1]))
    return _ImageMatches(
        image,
        label,
        found.scores[mine],
        matched & ~vain,
        ~matched & ~elsewhere,
        int(np.sum(~ignored)),
    )


def _joined(parts: Sequence[_ImageMatches], images: int) -> AveragePrecision:
    labels = np.unique(np.array([part.label for part in parts], np.int64))
    objects = np.zeros((len(labels), images), np.int64)
    for part in parts:
        objects[np.searchsorted(labels, part.label), part.image] = part.objects
    empty = _ImageMatches(
        0, 0, np.zeros(0, np.float32), *(np.zeros((len(THRESHOLDS), 0), bool),) * 2, 0
    )
    every = [empty, *parts]
    return AveragePrecision.in_order(
        THRESHOLDS,
        labels,
        objects,
        image=np.concatenate([np.full(len(part.scores), part.image) for part in every]),
        label=np.concatenate([np.full(len(part.scores), part.label) for part in every]),
        score=np.concatenate([part.scores for part in every]).astype(np.float64),
        right=np.concatenate([part.right for part in every], axis=1),
        wrong=np.concatenate([part.wrong for part in every], axis=1),
    )
