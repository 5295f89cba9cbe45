"""How often two networks answer alike, which needs no labels."""

from __future__ import annotations

from tasks.base import Metric, Outputs, Task


def agreement_metric(task: Task) -> Metric:
    """The metric of ``task`` that holds predictions against what a reference answers."""
    return next(metric for metric in task.metrics if metric.against == "reference")


def agreement(task: Task, reference: Outputs, other: Outputs) -> float:
    """That metric, in 0..1, of the outputs of two networks on the same images.

    Raises:
        InputError: what ``Task.decode`` refuses.
    """
    metric, targets = agreement_metric(task), task.as_targets(task.decode(reference))
    return task.score(task.decode(other), targets, (metric,))[metric.name].value()
