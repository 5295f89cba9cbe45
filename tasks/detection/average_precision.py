"""Average precision as COCO defines it, of images that count any number of times.

COCO's tools give the figure of all images once. Intervals and paired differences need that of
resampled images, so matches are kept by image here and accumulated under weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.detection.matching import Flags, match
from tasks.detection.objects import Found, Wanted, box_overlaps, mask_overlaps

Kind = Literal["box", "mask"]
Size = Literal["all", "small", "medium", "large"]

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
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
class _ClassMatches:
    """One class on all images: its D detections by falling score.

    ``image`` (D,) is the image each is on, ``right`` and ``wrong`` (T, D) what it is at each
    threshold; a detection may be neither. ``objects`` (images,) is how many there are to find.
    """

    image: NDArray[np.int64]
    right: Flags
    wrong: Flags
    objects: NDArray[np.int64]


@dataclass(frozen=True)
class AveragePrecision:
    """Average precision on a number of images: the mean over classes that have objects, and over
    ``thresholds`` of intersection over union."""

    images: int
    thresholds: NDArray[np.float64]
    classes: dict[int, _ClassMatches]

    def value(self, weights: NDArray[np.int64] | None = None) -> float:
        """The metric, where image i counts ``weights[i]`` times, (images,); NaN without objects."""
        found = [value for value in self.by_class(weights).values() if not np.isnan(value)]
        return float(np.mean(found)) if found else float("nan")

    def by_class(self, weights: NDArray[np.int64] | None = None) -> dict[int, float]:
        """Of every class by its index; NaN of those without objects."""
        counts = np.ones(self.images, np.int64) if weights is None else weights
        return {label: _precision(one, counts) for label, one in self.classes.items()}

    def at(self, threshold: float) -> AveragePrecision:
        """That at one of the thresholds alone, such as 0.5."""
        rows = np.isclose(self.thresholds, threshold)
        if not rows.any():
            raise ValueError(f"{threshold} is none of the thresholds {self.thresholds}")
        return AveragePrecision(
            self.images,
            self.thresholds[rows],
            {
                label: _ClassMatches(one.image, one.right[rows], one.wrong[rows], one.objects)
                for label, one in self.classes.items()
            },
        )


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
    parts: dict[int, list[_ImageMatches]] = {}
    for image, (detections, objects) in enumerate(zip(found, wanted, strict=True)):
        for label in np.union1d(detections.labels, objects.labels).tolist():
            part = _match_image(image, detections, objects, label, kind, AREAS[size])
            parts.setdefault(label, []).append(part)
    classes = {label: _joined(parts[label], len(wanted)) for label in sorted(parts)}
    return AveragePrecision(len(wanted), THRESHOLDS, classes)


@dataclass(frozen=True)
class _ImageMatches:
    image: int
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
        found.scores[mine],
        matched & ~vain,
        ~matched & ~elsewhere,
        int(np.sum(~ignored)),
    )


def _joined(parts: Sequence[_ImageMatches], images: int) -> _ClassMatches:
    order = np.argsort(-np.concatenate([part.scores for part in parts]), kind="stable")
    objects = np.zeros(images, np.int64)
    for part in parts:
        objects[part.image] = part.objects
    return _ClassMatches(
        np.concatenate([np.full(len(part.scores), part.image) for part in parts])[order],
        np.concatenate([part.right for part in parts], axis=1)[:, order],
        np.concatenate([part.wrong for part in parts], axis=1)[:, order],
        objects,
    )


def _precision(matches: _ClassMatches, weights: NDArray[np.int64]) -> float:
    objects = int(matches.objects @ weights)
    if not objects:
        return float("nan")
    counts = weights[matches.image]
    right = np.cumsum(matches.right * counts, axis=1)  # (T, D)
    wrong = np.cumsum(matches.wrong * counts, axis=1)
    precision = right / np.maximum(right + wrong, np.finfo(np.float64).tiny)
    # The best precision at this recall or a higher one.
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    # How many of the recalls each detection is the first to reach.
    reached = np.searchsorted(RECALLS, right / objects, side="right")
    first = np.diff(reached, axis=1, prepend=0)
    return float((first * envelope).sum()) / (len(envelope) * len(RECALLS))
