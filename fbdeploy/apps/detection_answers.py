"""A detector's answer as golden.json has it, and how far an app's may differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from export.format_info import NumberType
from fbdeploy.records.bundle_schema import BoxesAnswer, BundleDetection, Detected
from tasks.base import Outputs
from tasks.detection.agreement import LOWEST_SCORE
from tasks.detection.objects import best_first
from zoo.datasets.detection.annotations import RunLengths
from zoo.datasets.detection.run_lengths import to_array
from zoo.detection.pasting import THRESHOLD, pasted
from zoo.outputs import TaskName
from zoo.preprocess import Frame

if TYPE_CHECKING:
    from tasks.detection.objects import Found

APART: dict[NumberType, float] = {"fp32": 0.05, "fp16": 0.1, "int8": 0.25}
"""``BoxesAnswer.apart``. What an artefact may differ from its program is a mean over pictures
(``fbdeploy.pipeline.steps.nearness``); of one picture with few objects, one box that is chosen
otherwise, or float16 where Core ML takes it, is a larger part. The default detector's int8 files in
four runtimes are at most 0.10 apart on a picture, the float ones not at all."""
UNIT_ROUNDOFF = 2.0**-53
"""Of float64."""
WEIGHT_ROUNDINGS = 8
"""Of a pasted pixel: two weights of each axis, four products and sums in two steps."""
COORDINATE_ROUNDINGS = 4
"""Of a coordinate along a mask of S values, as parts of S: difference, quotient and product, and
the half taken off."""


def detection_of(task: TaskName) -> BundleDetection | None:
    """What is shown of a detector's answer; None of other tasks."""
    if task != "detection":
        return None
    return BundleDetection(score_threshold=LOWEST_SCORE, mask_threshold=THRESHOLD)


def boxes_answer(found: Found, outputs: Outputs, frame: Frame, apart: float) -> BoxesAnswer:
    """The answer to one picture.

    Args:
        found: what the task made of ``outputs`` in the picture's pixels.
        outputs: of one image, batch of one.
        frame: how the picture lies under the input.
        apart: ``BoxesAnswer.apart``.
    """
    shown = len(found.above(LOWEST_SCORE).scores)
    masks = found.masks or ()
    detections = tuple(
        Detected(
            class_index=int(label),
            score=float(score),
            box=_sides(box.tolist()),
            mask=masks[index].counts if index < min(shown, len(masks)) else None,
        )
        for index, (box, score, label) in enumerate(
            zip(found.boxes, found.scores, found.labels, strict=True)
        )
    )
    return BoxesAnswer(
        detections=detections,
        shown=shown,
        undecided=_undecided(found, outputs, frame, shown) if found.masks is not None else 0,
        apart=apart,
    )


def rounding(side: int) -> float:
    """How far float64 may move a pasted pixel of a mask of ``side`` x ``side`` probabilities,
    against another program's."""
    return 2 * (WEIGHT_ROUNDINGS + 2 * COORDINATE_ROUNDINGS * side) * UNIT_ROUNDOFF


def differing(expected: BoxesAnswer, found: BoxesAnswer, width: int, height: int) -> int | None:
    """Pixels of all masks that are told otherwise, of a picture of ``width`` x ``height``; None
    where other things were found."""
    one, other = (_without_masks(answer) for answer in (expected, found))
    if one != other or expected.shown != found.shown:
        return None
    pixels = 0
    for first, second in zip(expected.detections, found.detections, strict=True):
        if (first.mask is None) != (second.mask is None):
            return None
        if first.mask is not None and second.mask is not None:
            drawn = [to_array(RunLengths(height, width, m)) for m in (first.mask, second.mask)]
            pixels += int((drawn[0] != drawn[1]).sum())
    return pixels


def fits(answer: BoxesAnswer, width: int, height: int, classes: int) -> bool:
    """Whether an answer can be of a picture of that size and a network of so many classes."""
    for detection in answer.detections:
        left, top, right, bottom = detection.box
        inside = max(left, right) <= width and max(top, bottom) <= height
        if not inside or detection.class_index >= classes:
            return False
        if detection.mask is not None and sum(detection.mask) != width * height:
            return False
    return answer.shown <= len(answer.detections)


def _sides(box: list[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return left, top, right, bottom


def _without_masks(answer: BoxesAnswer) -> list[Detected]:
    return [one.model_copy(update={"mask": None}) for one in answer.detections]


def _undecided(found: Found, outputs: Outputs, frame: Frame, shown: int) -> int:
    """Pixels of the ``shown`` masks as near to the threshold as rounding."""
    places = best_first(outputs["scores"][0])[:shown]
    masks = outputs["masks"][0]
    margin = rounding(masks.shape[-1])
    pixels = 0
    for place, box in zip(places, found.boxes[:shown], strict=True):
        values = pasted(masks[place], box, frame.width, frame.height).values
        pixels += int((np.abs(values - THRESHOLD) <= margin).sum())
    return pixels
