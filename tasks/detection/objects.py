"""What detectors find, and what there is to find, in pixels of the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.detection.annotations import AnnotatedPicture, Mask, RunLengths


@dataclass(frozen=True)
class Found:
    """What a detector found on a picture, the best first.

    ``boxes`` (D, 4): left, top, right, bottom; ``scores`` (D,) in 0..1; ``labels`` (D,) class
    indices; ``masks`` as many, of the picture's size, None of a detector without.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: tuple[RunLengths, ...] | None = None

    def above(self, lowest: float) -> Found:
        """What has a score above ``lowest``."""
        kept = self.scores > lowest
        masks = None
        if self.masks is not None:
            masks = tuple(m for m, keep in zip(self.masks, kept, strict=True) if keep)
        return Found(self.boxes[kept], self.scores[kept], self.labels[kept], masks)


@dataclass(frozen=True)
class Wanted:
    """What there is to find on a picture of ``width`` x ``height`` pixels.

    ``boxes`` (G, 4), ``labels`` (G,), ``areas`` (G,) in pixels, ``crowd`` (G,): groups that
    detections may match any number of times and need not match; ``masks`` None without.
    ``scores`` (G,) tells how sure a reference was of what it found; None of annotations.
    """

    width: int
    height: int
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    areas: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    masks: tuple[Mask, ...] | None = None
    scores: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, found: Found) -> Wanted:
        """What a detector found, as what there is."""
        boxes = found.boxes
        return cls(
            math.ceil(float(boxes[:, 2].max(initial=1))),
            math.ceil(float(boxes[:, 3].max(initial=1))),
            boxes,
            found.labels,
            np.prod(boxes[:, 2:].astype(np.float64) - boxes[:, :2], axis=1),
            np.zeros(len(boxes), bool),
            found.masks,
            found.scores,
        )

    @property
    def found(self) -> Found:
        """The same as detections, sure ones where it is none."""
        scores = np.ones(len(self.boxes), np.float32) if self.scores is None else self.scores
        return Found(self.boxes, scores, self.labels)


def best_first(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Where the detections of one image stand among an output's ``scores`` (D,), those above 0, the
    best first and the first place among equals."""
    places = np.flatnonzero(scores > 0)
    return places[np.argsort(-scores[places], kind="stable")]


def wanted_of(picture: AnnotatedPicture) -> Wanted:
    """What is annotated on a picture; masks where every object has one."""
    instances = picture.instances
    masks = [instance.mask for instance in instances if instance.mask is not None]
    return Wanted(
        picture.width,
        picture.height,
        np.array([instance.box for instance in instances], np.float32).reshape(-1, 4),
        np.array([instance.label for instance in instances], np.int64),
        np.array([instance.area for instance in instances], np.float64),
        np.array([instance.crowd for instance in instances], bool),
        tuple(masks) if len(masks) == len(instances) else None,
    )


def box_overlaps(
    found: NDArray[np.float32], wanted: NDArray[np.float32], crowd: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Intersection over union (D, G); of a crowd, over the detection's own area."""
    first, second = found[:, None].astype(np.float64), wanted[None].astype(np.float64)
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(
        first[..., :2], second[..., :2]
    )
    shared = np.prod(np.clip(sides, 0, None), axis=-1)
    own, other = (np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1) for boxes in (first, second))
    whole = np.where(crowd, own, own + other - shared)
    overlaps: NDArray[np.float64] = np.zeros_like(shared)
    np.divide(shared, whole, out=overlaps, where=whole > 0)
    return overlaps


def mask_overlaps(
    found: Sequence[RunLengths],
    wanted: Sequence[Mask],
    crowd: NDArray[np.bool_],
    size: tuple[int, int],
) -> NDArray[np.float64]:
    """As ``box_overlaps``, of masks of pictures of ``size`` (height, width)."""
    from faster_coco_eval.core import mask as coco_mask

    if not found or not wanted:
        return np.zeros((len(found), len(wanted)))
    overlaps = coco_mask.iou(
        [encoded(mask, size) for mask in found],
        [encoded(mask, size) for mask in wanted],
        [int(one) for one in crowd],
    )
    return np.asarray(overlaps, np.float64).reshape(len(found), len(wanted))


def encoded(mask: Mask, size: tuple[int, int]) -> dict[str, object]:
    """A mask in the form of COCO's tools; polygons are drawn as those do."""
    from faster_coco_eval.core import mask as coco_mask

    height, width = size
    if isinstance(mask, RunLengths):
        runs = {"size": [mask.height, mask.width], "counts": list(mask.counts)}
        return dict(coco_mask.frPyObjects(runs, mask.height, mask.width))
    drawn = coco_mask.frPyObjects([list(polygon) for polygon in mask], height, width)
    return dict(coco_mask.merge(drawn))
