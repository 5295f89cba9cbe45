"""``OUT/report.html``: one page with everything in it, made from the manifest and the results."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined, select_autoescape

from fbdeploy.manifest import Artefact, LayerError, Manifest
from fbdeploy.report import numbers, plot, recommend
from fbdeploy.results import Line, ResultRow, summarize
from runtime_bench.measurement import Measurement
from zoo.files import atomic_path

FILE_NAME = "report.html"
LAYERS_SHOWN = 20
WIDE, NARROW = (960, 440), (356, 400)
"""Width and height of the plot on a desktop and on a phone, in CSS pixels."""


@cache
def _template_text(name: str) -> str:
    return (resources.files("fbdeploy.report") / name).read_text(encoding="utf-8")


def render(manifest: Manifest, lines: list[Line]) -> str:
    """The HTML of the report. It loads nothing from anywhere and runs no script."""
    environment = Environment(
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=numbers.percent,
        points=numbers.points,
        significant=numbers.significant,
        size=numbers.size,
        count=numbers.count,
        duration=numbers.duration,
        name=recommend.name_of,
        threads=recommend.thread_words,
    )
    rows = summarize(manifest, lines)
    latencies = [line for line in lines if isinstance(line, Measurement)]
    wide, narrow = _plots(rows)
    return environment.from_string(_template_text("report.html.jinja")).render(
        style=_template_text("report.css"),
        manifest=manifest,
        pairs=list(zip(rows, manifest.artefacts, strict=True)),
        rows=rows,
        recommendation=recommend.recommend(rows),
        wide_plot=wide,
        narrow_plot=narrow,
        worst_layers=_worst_layers,
        how_timed=_how_timed(manifest, latencies),
        format_names=numbers.FORMAT_NAMES,
        best_float=min(
            (row.latency_ms.p50 for row in rows if row.latency_ms and row.precision == "fp32"),
            default=None,
        ),
        drop_tolerance=100 * recommend.DROP_TOLERANCE,
        island_words=_island_words,
        as_json=lambda values: json.dumps(values, indent=2),
    )


def write_report(folder: Path, manifest: Manifest, lines: list[Line]) -> Path:
    """Write ``folder/report.html`` whole or not at all.

    Raises:
        InputError: the folder cannot be written or is full.
    """
    target = folder / FILE_NAME
    with atomic_path(target) as temporary:
        temporary.write_text(render(manifest, lines), encoding="utf-8")
    return target


def _plots(rows: list[ResultRow]) -> tuple[str, str]:
    """The plot for desktop and phone width, empty where nothing is both scored and timed."""
    points = []
    for row in rows:
        score = row.top1 if row.top1 is not None else row.agreement
        if row.latency_ms is None or score is None:
            continue
        interval = None
        if row.difference_interval and row.top1_difference is not None:
            # The paired interval, around this artefact's own top-1: what int8 may have cost.
            low, high = row.difference_interval
            base = score - row.top1_difference
            interval = (100 * (base + low), 100 * (base + high))
        points.append(
            plot.Point(
                label=recommend.name_of(row),
                format=row.format,
                filled=row.precision.startswith("int8"),
                x=row.latency_ms.p50,
                y=100 * score,
                interval=interval,
            )
        )
    if not points:
        return "", ""
    labelled = any(row.top1 is not None for row in rows)
    y_title = "Top-1, %" if labelled else "Agreement with float, %"
    x_title = "Median latency, ms"
    return (
        plot.scatter(points, *WIDE, x_title, y_title),
        plot.scatter(points, *NARROW, x_title, y_title),
    )


def _worst_layers(layers: tuple[LayerError, ...]) -> list[tuple[LayerError, float]]:
    """The layers with the lowest signal-to-noise, and each one's share of the widest bar."""
    known = [layer for layer in layers if layer.sqnr_db is not None]
    worst = sorted(known, key=lambda layer: layer.sqnr_db or 0.0)[:LAYERS_SHOWN]
    top = max((layer.sqnr_db or 0.0 for layer in worst), default=0.0)
    return [(layer, max(0.0, layer.sqnr_db or 0.0) / top if top else 0.0) for layer in worst]


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
