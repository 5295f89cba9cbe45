"""The tasks by name: adding one is one new folder and one line here."""

from __future__ import annotations

from tasks.base import Metric, Task
from tasks.classification.task import Classification
from zoo.errors import InputError
from zoo.outputs import TaskName

TASKS: dict[TaskName, Task] = {"classification": Classification()}
METRICS: dict[str, Metric] = {
    metric.name: metric for task in TASKS.values() for metric in task.metrics
}
"""Every task's metrics by name; no two tasks have one of the same name."""


def task_named(name: TaskName) -> Task:
    """The task of that name.

    Raises:
        InputError: this version does not have it.
    """
    if name not in TASKS:
        raise InputError(f"{name}: this version knows networks for {', '.join(TASKS)} only")
    return TASKS[name]
