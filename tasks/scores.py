"""A metric's value on the images of an evaluation, and against a reference on the same images."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.interval import Interval
from stats.paired import resample
from stats.proportions import PairedOutcomes, wilson_interval
from tasks.base import Evaluation, Task
from tasks.metric import Metric
from tasks.paired import other_p


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
    ours = figures_of(task, predictions, targets)
    theirs = figures_of(task, reference, targets) if reference else {}
    alike = {} if reference is None else alike_of(task, predictions, reference)
    return scores_against(task, ours | alike, theirs)


def figures_of(
    task: Task, predictions: Sequence[Any], targets: Sequence[Any]
) -> dict[str, Evaluation]:
    """The metrics of ``task`` that predictions have against targets, by name; none where not every
    image has one.

    Raises:
        InputError: what ``Task.score`` refuses.
    """
    metrics = tuple(metric for metric in task.metrics if metric.against == "labels")
    return task.score(predictions, targets, metrics) if task.labelled(targets) else {}


def alike_of(
    task: Task, predictions: Sequence[Any], reference: Sequence[Any]
) -> dict[str, Evaluation]:
    """The metrics of ``task`` that predictions have against another network's on the same images,
    by name."""
    metrics = tuple(metric for metric in task.metrics if metric.against == "reference")
    return task.score(predictions, task.as_targets(reference), metrics) if metrics else {}


def scores_against(
    task: Task, ours: Mapping[str, Evaluation], theirs: Mapping[str, Evaluation]
) -> tuple[Score, ...]:
    """The scores of figures by metric, in the task's order, where there are any, against the same
    of a reference."""
    return tuple(
        score_of(metric, ours[metric.name], theirs.get(metric.name))
        for metric in task.metrics
        if metric.name in ours
    )


def score_of(metric: Metric, ours: Evaluation, reference: Evaluation | None = None) -> Score:
    """One metric of an artefact, and against ``reference`` on the same images.

    Intervals are 95 %: Wilson's and Newcombe's of shares, whose p-value is McNemar's, else the
    bootstrap's over images, paired by drawing the same ones; p-values are those of
    ``tasks.paired``.
    """
    value, classes = ours.value(), ours.by_class()
    if metric.kind == "binary":
        interval = wilson_interval(round(value * ours.images), ours.images)
        score = Score(metric.name, value, interval, classes=classes)
        if reference is None:
            return score
        paired = PairedOutcomes.of(right(ours), right(reference))
        difference, p = paired.difference_interval(), paired.mcnemar_p()
    else:
        drawn = resample(ours.values, ours.images)
        score = Score(metric.name, value, drawn.interval(), classes=classes)
        if reference is None:
            return score
        both = drawn.minus(resample(reference.values, reference.images))
        difference, p = both.interval(), other_p(metric, ours, reference, both)
    return dataclasses.replace(
        score,
        reference=reference.value(),
        difference=value - reference.value(),
        difference_interval=difference,
        p=p,
    )


def right(evaluation: Evaluation) -> NDArray[np.bool_]:
    """Of a ``binary`` metric, whether each image is right, (images,)."""
    return np.asarray(evaluation.parts[:, 0] > 0.5)
