"""The tasks' metrics by the task's name and by their own, without what computes them."""

from __future__ import annotations

from tasks.classification import metrics as classification
from tasks.detection import metrics as detection
from tasks.metric import Metric
from tasks.segmentation import metrics as segmentation
from zoo.outputs import TaskName

METRICS_OF: dict[TaskName, tuple[Metric, ...]] = {
    "classification": classification.METRICS,
    "segmentation": segmentation.METRICS,
    "detection": detection.METRICS,
}
"""The headline first; one is ``against`` the reference."""
METRICS: dict[str, Metric] = {
    metric.name: metric for metrics in METRICS_OF.values() for metric in metrics
}
"""No two tasks have one of the same name."""


def agreement_of(metrics: tuple[Metric, ...]) -> Metric:
    """The one of a task's metrics that holds predictions against what a reference answers."""
    return next(metric for metric in metrics if metric.against == "reference")
