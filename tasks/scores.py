"""A metric's value on the images of an evaluation, and against a reference on the same images."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.interval import Interval
from stats.paired import permutation_p, resample, resample_difference
from stats.proportions import PairedOutcomes, wilson_interval
from tasks.base import Evaluation, Task
from tasks.metric import Metric


@dataclass(frozen=True)
class Score:
    """One metric. ``value`` and ``reference``, the same of what it is compared with, are fractions
    of one; ``difference`` is value minus reference. Intervals are 95 %; ``p`` is two-sided, of no
    difference. None: not known, as of a reference that there is none of. ``classes`` is the value
    of each class by itself, None of one that no image has; empty where that is not told."""

    metric: str
    value: float
    interval: Interval
    reference: float | None = None
    difference: float | None = None
    difference_interval: Interval | None = None
    p: float | None = None
    classes: tuple[float | None, ...] = ()


def scores_of(
    task: Task,
    predictions: Sequence[Any],
    targets: Sequence[Any],
    reference: Sequence[Any] | None = None,
) -> tuple[Score, ...]:
    """All metrics of ``task`` that can be told, in its order.

    Without targets of all images there are only those against ``reference``, which are what
    another network predicts on the same images.

    Raises:
        InputError: what ``Task.score`` refuses.
    """
    labelled = task.labelled(targets)
    by_labels = tuple(m for m in task.metrics if m.against == "labels" and labelled)
    by_reference = tuple(
        m for m in task.metrics if m.against == "reference" and reference is not None
    )
    ours = task.score(predictions, targets, by_labels) if by_labels else {}
    theirs = task.score(reference, targets, by_labels) if by_labels and reference else {}
    alike: dict[str, Evaluation] = {}
    if by_reference and reference is not None:
        alike = task.score(predictions, task.as_targets(reference), by_reference)
    return tuple(
        score_of(metric, (ours | alike)[metric.name], theirs.get(metric.name))
        for metric in task.metrics
        if metric.name in ours | alike
    )


def score_of(metric: Metric, ours: Evaluation, reference: Evaluation | None = None) -> Score:
    """One metric of an artefact, and against ``reference`` on the same images."""
    score = Score(metric.name, ours.value(), interval_of(metric, ours), classes=ours.by_class())
    if reference is None:
        return score
    interval, p = _difference(metric, ours, reference)
    return dataclasses.replace(
        score,
        reference=reference.value(),
        difference=score.value - reference.value(),
        difference_interval=interval,
        p=p,
    )


def interval_of(metric: Metric, evaluation: Evaluation) -> Interval:
    """The metric's 95 % interval: Wilson's of a share, else the bootstrap's over images."""
    if metric.kind == "binary":
        return wilson_interval(round(evaluation.value() * evaluation.images), evaluation.images)
    return resample(evaluation.values, evaluation.images).interval()


def _difference(metric: Metric, ours: Evaluation, theirs: Evaluation) -> tuple[Interval, float]:
    """The 95 % interval of the difference, and the two-sided p-value that there is none: Newcombe's
    and McNemar's of shares, else the paired bootstrap's; of means the permutation test's."""
    if metric.kind == "binary":
        paired = PairedOutcomes.of(right(ours), right(theirs))
        return paired.difference_interval(), paired.mcnemar_p()
    drawn = resample_difference(ours.values, theirs.values, ours.images)
    if metric.kind == "mean":
        return drawn.interval(), permutation_p(ours.parts[:, 0] - theirs.parts[:, 0])
    return drawn.interval(), drawn.p_other_than_zero()


def right(evaluation: Evaluation) -> NDArray[np.bool_]:
    """Of a ``binary`` metric, whether each image is right, (images,)."""
    return np.asarray(evaluation.parts[:, 0] > 0.5)
