"""``OUT/report.html``: one page with everything in it, made from the manifest and the results."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from export.format_info import FORMAT_INFO
from fbdeploy.records.builds import BUILD_OF
from fbdeploy.records.manifest import Artefact, Manifest
from fbdeploy.records.results import Line, ResultRow, ScoreInfo, summarize
from fbdeploy.records.sensitivity import SensitivityDocument, sensitivity_of
from fbdeploy.report import layer_plot, numbers, plot, recommend, templates, verdict
from fbdeploy.report.by_class import by_class
from fbdeploy.report.limits import limits
from fbdeploy.report.overlays import Overlays, overlays
from fbdeploy.report.problems import problems
from runtime_bench.measurement import Measurement
from stats.interval import Interval
from tasks.metric import Metric
from tasks.metrics import METRICS_OF, agreement_of
from zoo.files import atomic_file
from zoo.outputs import TaskName

FILE_NAME = "report.html"
TEMPLATE = "report.html.jinja"
LAYERS_SHOWN, LAYERS_LABELLED = 10, 5
WIDE, NARROW = (960, 440), (356, 400)
WIDE_LAYERS, NARROW_LAYERS = (960, 320), (356, 320)
"""Width and height of the plots on a desktop and on a phone, in CSS pixels."""


def render(
    manifest: Manifest,
    lines: list[Line],
    sensitivity: SensitivityDocument | None = None,
    drawn: Overlays | None = None,
) -> str:
    """The HTML of the report. It loads nothing from anywhere and runs no script."""
    template = templates.template(
        str(__package__),
        TEMPLATE,
        name=recommend.name_of,
        threads=recommend.thread_words,
        of_metric=numbers.of_metric,
    )
    rows = summarize(manifest, lines)
    latencies = [line for line in lines if isinstance(line, Measurement)]
    wide, narrow = _plots(rows)
    wide_layers, narrow_layers = _layer_plots(sensitivity)
    return template.render(
        style=templates.style(),
        manifest=manifest,
        pairs=list(zip(rows, manifest.artefacts, strict=True)),
        rows=rows,
        problems=problems(manifest),
        limits=limits(manifest, rows),
        sound=manifest.float_check is None or manifest.float_check.passed,
        recommendation=recommend.recommend(rows),
        wide_plot=wide,
        narrow_plot=narrow,
        sensitivity=sensitivity,
        worst_layers=sensitivity.layers[:LAYERS_SHOWN] if sensitivity else (),
        wide_layers=wide_layers,
        narrow_layers=narrow_layers,
        how_timed=_how_timed(manifest, latencies),
        format_names={name: info.title for name, info in FORMAT_INFO.items()},
        best_float=min(
            (row.latency_ms.p50 for row in rows if row.latency_ms and row.precision == "fp32"),
            default=None,
        ),
        metrics=metrics_known(manifest, rows),
        alike_sentence=agreement_of(METRICS_OF[manifest.network.task]).sentence,
        by_class=by_class(rows, manifest.labels),
        overlays=drawn,
        metric_title=metric_title,
        score_in=score_in,
        decisive=verdict.decisive,
        metric_of=verdict.metric_of,
        drop_tolerance=100 * metrics_shown(manifest.network.task)[0].tolerance,
        margin=100 * verdict.MARGIN,
        island_words=_island_words,
        input_words=_input_words(manifest),
        build_of=BUILD_OF,
        as_json=lambda values: json.dumps(values, indent=2),
    )


def write_report(folder: Path, manifest: Manifest, lines: list[Line]) -> Path:
    """Write ``folder/report.html`` whole or not at all, with what sensitivity.json and the
    kept answers say there.

    Raises:
        InputError: the folder cannot be written or is full.
    """
    target = folder / FILE_NAME
    drawn = overlays(folder, manifest, lines)
    page = render(manifest, lines, sensitivity_of(folder, manifest), drawn)
    with atomic_file(target) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return target


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


def both_plots(
    points: list[plot.Point], x_title: str, rows: list[ResultRow], unit: str = "ms"
) -> tuple[str, str]:
    """The plot of ``rows`` for desktop and phone width, empty without points."""
    if not points:
        return "", ""
    first = next(score for score in map(verdict.headline, rows) if score is not None)
    y_title = f"{metric_title(verdict.metric_of(first))}, %"
    wide = plot.scatter(points, *WIDE, x_title, y_title, unit)
    return wide, plot.scatter(points, *NARROW, x_title, y_title, unit)


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
    """Of those shown, the ones that at least one artefact was scored by."""
    shown = metrics_shown(manifest.network.task)
    return tuple(one for one in shown if any(score_in(row, one) for row in rows))


def score_in(row: ResultRow, metric: Metric) -> ScoreInfo | None:
    """A row's score of ``metric``; None where it is not known."""
    return next((score for score in row.scores if score.metric == metric.name), None)


def score_text(row: ResultRow, metric: Metric) -> str:
    """A row's score of ``metric`` in its own unit."""
    found = score_in(row, metric)
    return numbers.of_metric(found.value if found else None, metric)


def _plots(rows: list[ResultRow]) -> tuple[str, str]:
    points = []
    for row in rows:
        scored = accuracy(row)
        if row.latency_ms is None or scored is None:
            continue
        points.append(
            plot.Point(
                label=recommend.name_of(row),
                format=row.format,
                filled=row.precision == "int8",
                x=row.latency_ms.p50,
                y=scored[0],
                interval=scored[1],
            )
        )
    return both_plots(points, "Median latency", rows)


def _layer_plots(found: SensitivityDocument | None) -> tuple[str, str]:
    """The layers' errors for desktop and phone width; the worst have their rank as label."""
    if found is None or not found.layers:
        return "", ""
    points = [
        layer_plot.LayerPoint(
            name=row.layer,
            position=row.position,
            kl=row.kl_alone,
            weighted=row.weight_sqnr_db is not None,
            label=str(rank) if rank <= LAYERS_LABELLED else "",
        )
        for rank, row in enumerate(found.layers, 1)
    ]
    return (
        layer_plot.layer_plot(points, found.kl, *WIDE_LAYERS),
        layer_plot.layer_plot(points, found.kl, *NARROW_LAYERS),
    )


def _how_timed(manifest: Manifest, lines: list[Measurement]) -> list[str]:
    """One sentence a way of timing: kind, target, device, threads, mode, number of runs."""
    newest = {line.sha256: line for line in lines if line.latency_ms}
    used = [newest[entry.sha256] for entry in manifest.artefacts if entry.sha256 in newest]
    groups: dict[tuple[str, ...], list[Measurement]] = {}
    for line in used:
        device = line.device.name or line.device.cpu
        way = (line.kind, line.target, device, recommend.thread_words(line.threads), line.mode)
        groups.setdefault(way, []).append(line)
    sentences = []
    for (kind, target, device, threads, mode), group in groups.items():
        runs = sorted(line.latency_ms.runs for line in group if line.latency_ms)
        together = ", interleaved" if len(group) > 1 and group[0].interleaved_with else ""
        sentences.append(
            f"Latency: {kind} on {target} ({device}), {threads}, batch 1, mode {mode}, "
            f"{len(group)} artefacts{together}, {_span(runs[0], runs[-1])} runs each."
        )
    return sentences


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _input_words(manifest: Manifest) -> str:
    """The shapes that artefacts take, and which formats take which if they differ."""
    spec = manifest.input_spec
    shapes = {
        "nchw": f"1 × 3 × {spec.height} × {spec.width}",
        "nhwc": f"1 × {spec.height} × {spec.width} × 3",
    }
    layouts: dict[str, list[str]] = {}
    for entry in manifest.artefacts:
        titles = layouts.setdefault(entry.layout, [])
        if FORMAT_INFO[entry.format].title not in titles:
            titles.append(FORMAT_INFO[entry.format].title)
    if len(layouts) < 2:
        return "".join(shapes[layout] for layout in layouts or ("nchw",))
    return " or ".join(
        f"{shapes[layout]} ({', '.join(titles)})" for layout, titles in layouts.items()
    )


def _island_words(artefact: Artefact, shown: int = 4) -> list[str]:
    """The costliest islands of an artefact, one line each."""
    islands = artefact.coverage.islands if artefact.coverage else ()
    ordered = sorted(islands, key=lambda island: -island.share)
    words = []
    for island in ordered[:shown]:
        names = Counter(island.operators)
        text = ", ".join(f"{n} × {op}" if n > 1 else op for op, n in names.items())
        words.append(text + (f" ({island.reason})" if island.reason else ""))
    if len(ordered) > shown:
        words.append(f"and {len(ordered) - shown} more")
    return words
