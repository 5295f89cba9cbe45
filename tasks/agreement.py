"""How often two networks answer alike, which needs no labels."""

from __future__ import annotations

from tasks.base import Outputs, Task
from tasks.metrics import agreement_of


def agreement(task: Task, reference: Outputs, other: Outputs) -> float:
    """The task's metric against a reference, in 0..1, of the outputs of two networks on the same
    images.

    Raises:
        InputError: what ``Task.decode`` refuses.
    """
    metric, targets = agreement_of(task.metrics), task.as_targets(task.decode(reference))
    return task.score(task.decode(other), targets, (metric,))[metric.name].value()
