"""An artefact's scores as reports show them: which metrics, under what names, in what units."""

from __future__ import annotations

from fbdeploy.records.manifest import Manifest
from fbdeploy.records.results import ScoreInfo
from fbdeploy.records.rows import ResultRow
from fbdeploy.report import numbers, verdict
from stats.interval import Interval
from tasks.metric import Metric
from tasks.metrics import METRICS_OF, agreement_of
from zoo.outputs import TaskName


def accuracy(row: ResultRow) -> tuple[float, Interval | None] | None:
    """What is plotted of a row's accuracy, in percent: its headline and that one's interval.

    The interval is the paired one around this artefact's own value: what int8 may have cost.
    """
    score = verdict.headline(row)
    if score is None:
        return None
    interval = None
    if score.difference_interval and score.difference is not None:
        low, high = score.difference_interval
        base = score.value - score.difference
        interval = Interval(100 * (base + low), 100 * (base + high))
    return 100 * score.value, interval


def metric_title(metric: Metric) -> str:
    """A metric's name as a column or an axis has it."""
    suffix = " with float" if metric.against == "reference" else ""
    title = metric.title
    if not title[1:2].isupper():  # as of mIoU
        title = f"{title[0].upper()}{title[1:]}"
    return f"{title}{suffix}"


def metrics_shown(task: TaskName) -> tuple[Metric, ...]:
    """A task's headline, and how far artefacts answer as float does."""
    metrics = METRICS_OF[task]
    return (metrics[0], agreement_of(metrics))


def metrics_known(manifest: Manifest, rows: list[ResultRow]) -> tuple[Metric, ...]:
    """Of those shown, and of others that decide, the ones that at least one artefact was scored
    by."""
    shown = metrics_shown(manifest.network.task)
    return tuple(
        one
        for one in METRICS_OF[manifest.network.task]
        if (one in shown or one.decides) and any(score_in(row, one) for row in rows)
    )


def score_in(row: ResultRow, metric: Metric) -> ScoreInfo | None:
    """A row's score of ``metric``; None where it is not known."""
    return next((score for score in row.scores if score.metric == metric.name), None)


def score_text(row: ResultRow, metric: Metric) -> str:
    """A row's score of ``metric`` in its own unit."""
    found = score_in(row, metric)
    return numbers.of_metric(found.value if found else None, metric)
