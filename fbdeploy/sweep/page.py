"""``OUT/report.html`` of a sweep: accuracy against latency on every target, and scaling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from export.format_info import FORMAT_INFO
from fbdeploy.records.hosts import HostWork, work_below
from fbdeploy.records.manifest import now
from fbdeploy.report import numbers, plot, recommend, templates
from fbdeploy.report.plots import both_plots
from fbdeploy.report.scores import accuracy, score_in
from fbdeploy.sweep.plan import SweepPlan
from fbdeploy.sweep.rows import Failure, SweepRow
from fbdeploy.version import __version__
from tasks.metric import Metric
from tasks.metrics import METRICS
from zoo.files import atomic_file

FILE_NAME = "report.html"
TEMPLATE = "sweep.html.jinja"
ALL_LABELLED = 6
"""With more artefacts than this in a plot, only those of the front are named in it."""


@dataclass(frozen=True)
class Cost:
    """What a target's rows are compared by: ``title``, ``unit``, and how many of it are 1."""

    title: str
    unit: str
    scale: float


MILLISECONDS = Cost("Median latency", "ms", 1.0)
CYCLES = Cost("Estimated cycles of one run", "millions", 1e-6)
INSTRUCTIONS = Cost("Instructions of one run", "millions", 1e-6)


@dataclass(frozen=True)
class TargetSection:
    """One target and device: its rows by cost, its plots for desktop and phone, how it scales.

    ``scaling`` holds the rows of one artefact by thread count; empty with one count.
    """

    target: str
    device: str
    cost: Cost
    rows: list[SweepRow]
    wide_plot: str
    narrow_plot: str
    plotted_threads: int
    thread_counts: tuple[int, ...]
    scaling: list[dict[int, SweepRow]]
    metrics: tuple[Metric, ...]


def write_page(
    folder: Path, plan: SweepPlan, rows: list[SweepRow], failures: list[Failure]
) -> Path:
    """Write ``folder/report.html`` whole or not at all.

    Raises:
        InputError: the folder cannot be written or is full.
    """
    target = folder / FILE_NAME
    with atomic_file(target) as temporary:
        page = render(plan, rows, failures, work_below(folder))
        temporary.write_text(page, encoding="utf-8")
    return target


def render(
    plan: SweepPlan,
    rows: list[SweepRow],
    failures: list[Failure],
    hosts: Sequence[HostWork] = (),
) -> str:
    """The HTML of the report, with what ``hosts`` of a cluster did. It loads nothing from anywhere
    and runs no script."""
    template = templates.template(
        str(__package__), TEMPLATE, threads=recommend.thread_words, of_metric=numbers.of_metric
    )
    places = [place for target in plan.targets for place in _places(target.address, rows)]
    return template.render(
        style=templates.style(),
        version=__version__,
        time=now(),
        plan=plan,
        sections=[
            _section(target, device, [r for r in rows if (r.target, r.machine) == (target, device)])
            for target, device in places
        ],
        failures=failures,
        hosts=hosts,
        name=name_of,
        score_in=score_in,
        format_names={name: info.title for name, info in FORMAT_INFO.items()},
    )


def name_of(row: SweepRow) -> str:
    """``fbnetv3_b ONNX int8``, with the recipe if the row has one."""
    return " ".join(
        part for part in (row.network, recommend.name_of(row.result), row.recipe) if part
    )


def cost_of(rows: list[SweepRow]) -> Cost:
    """Milliseconds where all rows have them, else cycles, else instructions."""
    if all(row.result.latency_ms is not None for row in rows):
        return MILLISECONDS
    if all(row.counts is not None and row.counts.cycles is not None for row in rows):
        return CYCLES
    return INSTRUCTIONS


def _places(target: str, rows: list[SweepRow]) -> list[tuple[str, str]]:
    """A target with each device that stood behind it, as hosts of a cluster do."""
    devices = dict.fromkeys(row.machine for row in rows if row.target == target)
    return [(target, device) for device in devices or [""]]


def _section(target: str, device: str, rows: list[SweepRow]) -> TargetSection:
    counts = tuple(sorted({row.threads for row in rows}))
    fewest = [row for row in rows if row.threads == counts[0]] if counts else []
    cost = cost_of(rows)
    wide, narrow = _plots(fewest, cost)
    by_artefact: dict[str, dict[int, SweepRow]] = {}
    for row in rows:
        by_artefact.setdefault(row.result.path, {})[row.threads] = row
    return TargetSection(
        target=target,
        device=device,
        cost=cost,
        rows=sorted(rows, key=lambda row: (row.threads, row.cost or 0.0)),
        wide_plot=wide,
        narrow_plot=narrow,
        plotted_threads=counts[0] if counts else 1,
        thread_counts=counts,
        scaling=list(by_artefact.values()) if len(counts) > 1 else [],
        metrics=_metrics(rows),
    )


def _metrics(rows: list[SweepRow]) -> tuple[Metric, ...]:
    """What the rows' networks are judged by: each task's headline, and its agreement with float."""
    told = [
        METRICS[score.metric]
        for row in rows
        for place, score in enumerate(row.result.scores)
        if score.metric in METRICS and (place == 0 or METRICS[score.metric].against == "reference")
    ]
    return tuple(dict.fromkeys(told))


def _plots(rows: list[SweepRow], cost: Cost) -> tuple[str, str]:
    points = []
    for row in rows:
        scored = accuracy(row.result)
        if scored is None or row.cost is None:
            continue
        points.append(
            plot.Point(
                label=name_of(row),
                format=row.result.format,
                filled=row.result.precision == "int8",
                x=row.cost * cost.scale,
                y=scored[0],
                interval=scored[1],
                labelled=row.on_front or len(rows) <= ALL_LABELLED,
            )
        )
    return both_plots(points, cost.title, [row.result for row in rows], cost.unit)
