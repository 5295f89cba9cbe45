"""Classification: logits (N, classes), of which the largest is the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.base import BadTargetError, Evaluation, LossSettings, Outputs, PerImage
from tasks.classification.metrics import METRICS, TOP5
from tasks.logits import logits_of
from tasks.metric import Metric
from zoo.errors import InputError
from zoo.input_spec import MOST_CLASSES
from zoo.outputs import TaskName

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.preprocess import Frame

UNLABELLED = -1
RANKS = 5


@dataclass(frozen=True)
class Ranking:
    """An image's likeliest classes, the likeliest first, at most ``RANKS``; their
    ``probabilities`` are the softmax of the logits, in 0..1, none where they were not kept.
    ``count`` is how many classes there are."""

    classes: tuple[int, ...]
    probabilities: tuple[float, ...]
    count: int


class Classification:
    """See :class:`tasks.base.Task`. A prediction is a ``Ranking``, a target a class index,
    ``UNLABELLED`` where there is none."""

    name: TaskName = "classification"
    metrics = METRICS
    keeps_outputs = True
    follows = False

    def decode(self, outputs: Outputs, frames: Sequence[Frame] | None = None) -> list[Ranking]:
        """Among equal logits (int8 has many) the lower class index comes first."""
        del frames
        logits = logits_of(outputs)
        if logits.ndim != 2:
            raise InputError(
                f"outputs of shape {logits.shape} are no logits (N, classes); "
                "give an artefact of a classifier"
            )
        if not np.isfinite(logits).all():
            raise InputError("logits are not finite; export the artefact again, check its ranges")
        order = np.argsort(-logits, axis=1, kind="stable")[:, :RANKS]
        chances = np.take_along_axis(softmax(logits), order, axis=1).astype(np.float32)
        return [
            Ranking(tuple(ranks), tuple(shares), logits.shape[1])
            for ranks, shares in zip(order.tolist(), chances.tolist(), strict=True)
        ]

    def labelled(self, targets: Sequence[int]) -> bool:
        """See ``Task``."""
        return len(targets) > 0 and all(target != UNLABELLED for target in targets)

    def score(
        self, predictions: Sequence[Ranking], targets: Sequence[int], metrics: Sequence[Metric]
    ) -> dict[str, Evaluation]:
        """Top-1 and agreement are one figure, held against labels and against float."""
        for index, (prediction, target) in enumerate(zip(predictions, targets, strict=True)):
            if not UNLABELLED <= target < prediction.count:
                raise BadTargetError(
                    index,
                    f"has label {target}, outside the artefact's classes "
                    f"0..{prediction.count - 1}; give data with its labels",
                )
        found: dict[str, Evaluation] = {}
        for metric in metrics:
            ranks = RANKS if metric.name == TOP5.name else 1
            found[metric.name] = PerImage(
                np.array(
                    [
                        target in prediction.classes[:ranks]
                        for prediction, target in zip(predictions, targets, strict=True)
                    ],
                    np.float64,
                )
            )
        return found

    def evaluation(self, metric: Metric, parts: NDArray[np.float64]) -> Evaluation:
        """See ``Task``."""
        return PerImage(parts[:, 0])

    def as_targets(self, predictions: Sequence[Ranking]) -> list[int]:
        """The likeliest classes."""
        return [prediction.classes[0] for prediction in predictions]

    def aligned(self, reference: Outputs, other: Outputs) -> Outputs:
        """``other`` as it is: every place has a meaning of its own."""
        return other

    def divergence(self, reference: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Tensor:
        """KL at temperature 4, times 16, nats."""
        from tasks.classification.distance import TEMPERATURE, image_kl

        return image_kl(logits_of(reference), logits_of(other), TEMPERATURE)

    def distance(self, reference: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Tensor:
        """KL, nats."""
        from tasks.classification.distance import image_kl

        return image_kl(logits_of(reference), logits_of(other))

    def training_loss(
        self,
        student: Mapping[str, Tensor],
        teacher: Mapping[str, Tensor],
        targets: Tensor | None,
        settings: LossSettings,
    ) -> Tensor:
        """Distillation at a temperature, and the cross-entropy of labels."""
        from tasks.classification.distance import training_loss

        return training_loss(
            logits_of(student),
            logits_of(teacher),
            targets,
            settings,
        )

    def pack(self, predictions: Sequence[Ranking]) -> dict[str, NDArray[Any]]:
        """``classes`` int32 (N, ranks) and ``count`` int32; probabilities are not kept."""
        return {
            "classes": np.array([p.classes for p in predictions], np.int32),
            "count": np.array(predictions[0].count if predictions else 0, np.int32),
        }

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> list[Ranking]:
        """See ``Task``."""
        classes, count = arrays["classes"], arrays["count"]
        if classes.ndim != 2 or count.ndim or (classes.dtype.kind, count.dtype.kind) != ("i", "i"):
            raise ValueError("its arrays differ in length or kind")
        smallest, largest = classes.min(initial=0), classes.max(initial=0)
        if not 0 <= count <= MOST_CLASSES or smallest < 0 or largest >= max(count, 1):
            raise ValueError("it holds numbers that are no classes")
        return [Ranking(tuple(ranks), (), int(count)) for ranks in classes.tolist()]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities (N, classes) of logits."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
