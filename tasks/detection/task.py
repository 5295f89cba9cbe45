"""Detection: boxes with scores and classes, and of instance segmentation a mask a box."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.base import Evaluation, LossSettings, Outputs
from tasks.detection.agreement import DetectionAgreement, detection_agreement
from tasks.detection.alignment import aligned
from tasks.detection.average_precision import (
    THRESHOLDS,
    AveragePrecision,
    Kind,
    average_precision,
)
from tasks.detection.contributions import from_rows, to_rows
from tasks.detection.distance import Answer, image_distances, image_divergences
from tasks.detection.distillation import answers_loss
from tasks.detection.metrics import AGREEMENT, BOX_AP50, BOX_AP75, MASK_AP, MASK_AP50, METRICS
from tasks.detection.objects import Found, Wanted, best_first, wanted_of
from tasks.detection.packing import pack, unpack
from tasks.metric import Metric
from zoo.datasets.detection.annotations import AnnotatedPicture
from zoo.detection.pasting import paste_mask
from zoo.errors import InputError
from zoo.outputs import TaskName

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.preprocess import Frame

_AT = {BOX_AP50.name: 0.5, BOX_AP75.name: 0.75, MASK_AP50.name: 0.5}
_OF_MASKS = frozenset({MASK_AP.name, MASK_AP50.name})


@dataclass(frozen=True)
class AveragePrecisionParts:
    """Average precision as an ``Evaluation``, at one of its thresholds alone if there is one:
    several share what is drawn."""

    precision: AveragePrecision
    threshold: float | None = None

    @cached_property
    def own(self) -> AveragePrecision:
        """That at the threshold."""
        return self.precision if self.threshold is None else self.precision.at(self.threshold)

    @property
    def images(self) -> int:
        """How many."""
        return self.precision.images

    @property
    def parts(self) -> NDArray[np.float64]:
        """As ``tasks.detection.contributions`` has it."""
        return to_rows(self.own)

    def value(self) -> float:
        """See ``Evaluation``."""
        return self.own.value()

    def values(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """See ``Evaluation``."""
        return self.precision.values(weights, self.threshold)

    def by_class(self) -> tuple[float | None, ...]:
        """See ``Evaluation``."""
        found = self.own.by_class()
        values = (found.get(label, np.nan) for label in range(max(found, default=-1) + 1))
        return tuple(None if np.isnan(value) else value for value in values)

    def beside(self, other: AveragePrecisionParts) -> AveragePrecisionParts:
        """See ``Evaluation``."""
        return AveragePrecisionParts(self.own.beside(other.own))


class Detection:
    """See :class:`tasks.base.Task`. A prediction is a ``Found``, a target an ``AnnotatedPicture``,
    or a ``Wanted`` where it was a prediction.

    The outputs are ``boxes`` (N, D, 4) in pixels of the input, left, top, right and bottom,
    ``scores`` (N, D) in 0..1, 0 where there is no detection, ``labels`` (N, D), the classes'
    indices, and of instance segmentation ``masks`` (N, D, S, S), probabilities over each box.
    """

    name: TaskName = "detection"
    metrics = METRICS
    keeps_outputs = False
    follows = True

    def decode(self, outputs: Outputs, frames: Sequence[Frame] | None = None) -> list[Found]:
        """In pixels of the picture that a frame tells of, clipped to it, masks as large as it;
        without frames in pixels of the input, and without masks."""
        missing = [name for name in ("boxes", "scores", "labels") if name not in outputs]
        if missing:
            raise InputError(
                f"has the outputs {', '.join(outputs)}, none of them '{missing[0]}'; give an "
                "artefact of a detector"
            )
        boxes, scores, labels = outputs["boxes"], outputs["scores"], outputs["labels"]
        if boxes.shape != (*scores.shape, 4) or labels.shape != scores.shape or scores.ndim != 2:
            raise InputError(
                f"boxes of shape {boxes.shape}, scores of {scores.shape} and labels of "
                f"{labels.shape} are no detections; give an artefact of a detector"
            )
        if not all(np.isfinite(value).all() for value in outputs.values()):
            raise InputError("detections are not finite; export the artefact again")
        found = []
        for index in range(len(scores)):
            there = best_first(scores[index])
            own, masks = boxes[index][there], None
            if frames is not None:
                frame = frames[index]
                own = frame.to_picture(own)
                if "masks" in outputs:
                    masks = tuple(
                        paste_mask(mask, box, frame.width, frame.height)
                        for mask, box in zip(outputs["masks"][index][there], own, strict=True)
                    )
            classes = np.rint(labels[index][there]).astype(np.int64)
            found.append(Found(own.astype(np.float32), scores[index][there], classes, masks))
        return found

    def labelled(self, targets: Sequence[Any]) -> bool:
        """Whether every image was looked at, and there is an object on one."""
        return all(isinstance(target, AnnotatedPicture) for target in targets) and any(
            not instance.crowd for target in targets for instance in target.instances
        )

    def score(
        self,
        predictions: Sequence[Found],
        targets: Sequence[AnnotatedPicture | Wanted],
        metrics: Sequence[Metric],
    ) -> dict[str, Evaluation]:
        """Those of masks only where both have them."""
        wanted = [t if isinstance(t, Wanted) else wanted_of(t) for t in targets]
        masks = all(found.masks is not None for found in predictions) and all(
            target.masks is not None for target in wanted
        )
        figures: dict[str, Evaluation] = {}
        whole: dict[bool, AveragePrecision] = {}
        for metric in metrics:
            of_masks = metric.name in _OF_MASKS
            if metric.name == AGREEMENT.name:
                figures[metric.name] = detection_agreement(predictions, [w.found for w in wanted])
                continue
            if of_masks and not masks:
                continue
            if of_masks not in whole:
                kind: Kind = "mask" if of_masks else "box"
                whole[of_masks] = average_precision(predictions, wanted, kind)
            figures[metric.name] = AveragePrecisionParts(whole[of_masks], _AT.get(metric.name))
        return figures

    def evaluation(self, metric: Metric, parts: NDArray[np.float64]) -> Evaluation:
        """See ``Task``."""
        if metric.name == AGREEMENT.name:
            pairs, detections = parts.T.astype(np.int64)
            return DetectionAgreement(pairs, detections)
        threshold = _AT.get(metric.name)
        thresholds = THRESHOLDS if threshold is None else np.array([threshold])
        return AveragePrecisionParts(from_rows(parts, thresholds))

    def as_targets(self, predictions: Sequence[Found]) -> list[Wanted]:
        """What was found, as what there is."""
        return [Wanted.of(found) for found in predictions]

    def aligned(self, reference: Outputs, other: Outputs) -> Outputs:
        """Detections in the places of their partners (``tasks.detection.alignment``)."""
        return aligned(reference, other)

    def divergence(self, reference: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Tensor:
        """What share of both detectors' scores differs, masks included, above a floor."""
        return _compared(self, image_divergences, reference, other)

    def distance(self, reference: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Tensor:
        """What share of both detectors' scores differs, 0..1."""
        return _compared(self, image_distances, reference, other)

    def training_loss(
        self,
        student: Mapping[str, Tensor],
        teacher: Mapping[str, Tensor],
        targets: Tensor | None,
        settings: LossSettings,
    ) -> Tensor:
        """See ``tasks.detection.distillation``; scores are probabilities, which no temperature
        softens.

        Raises:
            InputError: targets, of which detectors do not learn here.
        """
        if targets is not None:
            raise InputError(
                "detectors learn int8 from the float network alone; set qat.label_weight to 0"
            )
        return answers_loss(student, teacher)

    def pack(self, predictions: Sequence[Found]) -> dict[str, NDArray[Any]]:
        """See ``tasks.detection.packing``."""
        return pack(predictions)

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> list[Found]:
        """See ``Task``."""
        return unpack(arrays)


def _answers(task: Detection, outputs: Outputs) -> list[Answer]:
    masks, found = outputs.get("masks"), task.decode(outputs)
    if masks is None:
        return [Answer(one) for one in found]
    return [
        Answer(one, masks[index][best_first(outputs["scores"][index])])
        for index, one in enumerate(found)
    ]


def _compared(
    task: Detection,
    compare: Callable[[Sequence[Answer], Sequence[Answer]], NDArray[np.float64]],
    reference: Mapping[str, Tensor],
    other: Mapping[str, Tensor],
) -> Tensor:
    import torch

    first, second = (
        _answers(task, {name: value.detach().float().numpy() for name, value in outputs.items()})
        for outputs in (reference, other)
    )
    return torch.from_numpy(compare(first, second))
