"""The tasks by name: adding one is one new folder, one line here and one in ``tasks.metrics``."""

from __future__ import annotations

from tasks.base import Task
from tasks.classification.task import Classification
from tasks.detection.task import Detection
from tasks.segmentation.task import Segmentation
from zoo.errors import InputError
from zoo.outputs import TaskName

TASKS: dict[TaskName, Task] = {
    "classification": Classification(),
    "segmentation": Segmentation(),
    "detection": Detection(),
}


def task_named(name: TaskName) -> Task:
    """The task of that name.

    Raises:
        InputError: this version does not have it.
    """
    if name not in TASKS:
        raise InputError(f"{name}: this version knows networks for {', '.join(TASKS)} only")
    return TASKS[name]
