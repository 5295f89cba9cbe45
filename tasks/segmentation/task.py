"""Segmentation: logits (N, classes, h, w), of which the largest is a pixel's answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stats.class_overlap import ClassOverlap
from tasks.base import BadTargetError, Evaluation, LossSettings, Outputs, PerImage
from tasks.logits import logits_of
from tasks.metric import Metric
from tasks.segmentation.metrics import METRICS, MIOU, PIXEL_ACCURACY, PIXEL_AGREEMENT
from tasks.segmentation.overlap import MeanIou, PixelAccuracy
from zoo.datasets.class_map import ClassMap, pack_maps, unpack_maps
from zoo.datasets.mask_classes import IGNORE, MOST_CLASSES
from zoo.errors import InputError
from zoo.outputs import TaskName

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.preprocess import Frame


@dataclass(frozen=True)
class Segmented:
    """The likeliest class of each pixel of an image, of ``count`` classes."""

    classes: ClassMap
    count: int


class Segmentation:
    """See :class:`tasks.base.Task`. A prediction is a ``Segmented``, a target a ``ClassMap``, with
    IGNORE where pixels do not count.

    Logits may have any resolution: those of an image are resized to the input's, bilinearly as
    torchvision has it, before the largest is taken, and none are kept.
    """

    name: TaskName = "segmentation"
    metrics = METRICS
    keeps_outputs = False
    follows = False

    def decode(self, outputs: Outputs, frames: Sequence[Frame] | None = None) -> list[Segmented]:
        """At the resolution of the picture that a frame tells of, where the input does not show it
        that of the nearest pixel it shows; without frames at that of the logits.

        Among equal logits (int8 has many) the lower class index comes first.
        """
        logits = logits_of(outputs, "a segmenter")
        if logits.ndim != 4:
            raise InputError(
                f"outputs of shape {logits.shape} are no logits (N, classes, height, width); "
                "give an artefact of a segmenter"
            )
        if not np.isfinite(logits).all():
            raise InputError("logits are not finite; export the artefact again, check its ranges")
        count = logits.shape[1]
        if count > MOST_CLASSES:
            raise InputError(f"tells {count} classes apart, and masks hold {MOST_CLASSES}")
        places: Sequence[Frame | None] = frames or (None,) * len(logits)
        return [
            Segmented(ClassMap.of(_classes(own, frame)), count)
            for own, frame in zip(logits, places, strict=True)
        ]

    def labelled(self, targets: Sequence[Any]) -> bool:
        """See ``Task``."""
        return len(targets) > 0 and all(isinstance(target, ClassMap) for target in targets)

    def score(
        self,
        predictions: Sequence[Segmented],
        targets: Sequence[ClassMap],
        metrics: Sequence[Metric],
    ) -> dict[str, Evaluation]:
        """One pass over the images, of each of which only the numbers of pixels are kept.

        Raises:
            InputError: no pixel of the targets counts.
        """
        overlap = ClassOverlap.join(
            _overlap(index, prediction, target)
            for index, (prediction, target) in enumerate(zip(predictions, targets, strict=True))
        )
        if not overlap.target.any():
            raise InputError(
                "no pixel of the masks counts; check the class map, and which id is ignored"
            )
        return {metric.name: _evaluation(metric, overlap) for metric in metrics}

    def evaluation(self, metric: Metric, parts: NDArray[np.float64]) -> Evaluation:
        """See ``Task``."""
        if metric == MIOU:
            return MeanIou.of_parts(parts)
        return PixelAccuracy.of_parts(parts) if metric == PIXEL_ACCURACY else PerImage(parts[:, 0])

    def as_targets(self, predictions: Sequence[Segmented]) -> list[ClassMap]:
        """The predicted classes; all pixels count."""
        return [prediction.classes for prediction in predictions]

    def aligned(self, reference: Outputs, other: Outputs) -> Outputs:
        """``other`` as it is: every place has a meaning of its own."""
        return other

    def divergence(self, reference: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Tensor:
        """KL, the mean over the pixels, nats."""
        from tasks.segmentation.distance import pixel_kl

        return pixel_kl(logits_of(reference, "a segmenter"), logits_of(other, "a segmenter"))

    distance = divergence

    def training_loss(
        self,
        student: Mapping[str, Tensor],
        teacher: Mapping[str, Tensor],
        targets: Tensor | None,
        settings: LossSettings,
    ) -> Tensor:
        """Distillation of each pixel at a temperature, and the cross-entropy of masks."""
        from tasks.segmentation.distance import training_loss

        return training_loss(
            logits_of(student, "a segmenter"),
            logits_of(teacher, "a segmenter"),
            targets,
            settings,
        )

    def pack(self, predictions: Sequence[Segmented]) -> dict[str, NDArray[Any]]:
        """The arrays of ``pack_maps``, and ``count`` int32."""
        count = np.array(predictions[0].count if predictions else 0, np.int32)
        return {**pack_maps([prediction.classes for prediction in predictions]), "count": count}

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> list[Segmented]:
        """See ``Task``."""
        count = arrays["count"]
        if count.dtype.kind != "i" or count.ndim or not 0 <= count <= MOST_CLASSES:
            raise ValueError("its arrays differ in length or kind")
        maps = unpack_maps(arrays)
        if any(classes.pixels().max() >= count for classes in maps):
            raise ValueError("it holds numbers that are no classes")
        return [Segmented(classes, int(count)) for classes in maps]


def _classes(logits: NDArray[np.float32], frame: Frame | None) -> NDArray[np.uint8]:
    """The likeliest classes of one image's logits (classes, h, w), as ``decode`` has it."""
    import torch

    from zoo.segmentation.resizing import resize_logits

    values = torch.tensor(logits)  # a copy: torch warns of arrays that may not be written
    if frame is not None and (frame.input_height, frame.input_width) != logits.shape[1:]:
        size = (frame.input_height, frame.input_width)
        values = resize_logits(values[None], size)[0]
    # Five times as fast as argmax, which also gives the first of equal ones.
    found: NDArray[np.uint8] = values.max(0).indices.to(torch.uint8).numpy()
    if frame is None or (frame.height, frame.width) == found.shape:
        return found
    place = frame.placement
    rows = _inside(frame.height, place.height, place.top, frame.input_height)
    columns = _inside(frame.width, place.width, place.left, frame.input_width)
    return found[rows[:, None], columns[None]]


def _inside(size: int, resized: int, offset: int, shown: int) -> NDArray[np.int64]:
    """Which row (or column) of the input shows each row of the picture, or is nearest to it."""
    middles = (np.arange(size) + 0.5) * (resized / size)
    rows: NDArray[np.int64] = np.floor(middles - offset).astype(np.int64).clip(0, shown - 1)
    return rows


def _overlap(index: int, prediction: Segmented, target: ClassMap) -> ClassOverlap:
    wanted, found = target.pixels(), prediction.classes.pixels()
    if wanted.shape != found.shape:
        raise BadTargetError(
            index,
            f"has a mask of {target.width}x{target.height} pixels where the artefact answers with "
            f"{prediction.classes.width}x{prediction.classes.height}",
        )
    counted = wanted[wanted != IGNORE]
    if counted.max(initial=0) >= prediction.count:
        raise BadTargetError(
            index,
            f"has class {counted.max()} in its mask, outside the artefact's classes "
            f"0..{prediction.count - 1}; give data with its classes",
        )
    return ClassOverlap.of(wanted, found, prediction.count, IGNORE)


def _evaluation(metric: Metric, overlap: ClassOverlap) -> Evaluation:
    if metric == MIOU:
        return MeanIou(overlap)
    accuracy = PixelAccuracy.of(overlap)
    if metric == PIXEL_AGREEMENT:
        alike, counted = accuracy.parts.T
        return PerImage(alike / np.maximum(counted, 1))
    return accuracy
