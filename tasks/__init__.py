"""What a network's outputs mean, a folder a task; one line of ``TASKS`` each."""

from tasks.base import Evaluation, Metric, Outputs, Task
from tasks.table import METRICS, TASKS, task_named
from zoo.outputs import TaskName

__all__ = ["METRICS", "TASKS", "Evaluation", "Metric", "Outputs", "Task", "TaskName", "task_named"]
