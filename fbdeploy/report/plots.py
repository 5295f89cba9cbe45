"""The plots of pages, each for a desktop's width and for a phone's."""

from __future__ import annotations

from fbdeploy.records.rows import ResultRow
from fbdeploy.records.sensitivity import SensitivityDocument
from fbdeploy.report import layer_plot, plot, recommend, verdict
from fbdeploy.report.scores import accuracy, metric_title

WIDE, NARROW = (960, 440), (356, 400)
BESIDE_BARS = (600, 460)
WIDE_LAYERS, NARROW_LAYERS = (960, 320), (356, 320)
"""Width and height of the plots on a desktop and on a phone, in CSS pixels."""


def both_plots(
    points: list[plot.Point],
    x_title: str,
    rows: list[ResultRow],
    unit: str = "ms",
    wide: tuple[int, int] = WIDE,
) -> tuple[str, str]:
    """The plot of ``rows`` for desktop and phone width, empty without points."""
    if not points:
        return "", ""
    first = next(score for score in map(verdict.headline, rows) if score is not None)
    y_title = f"{metric_title(verdict.metric_of(first))}, %"
    shown = plot.scatter(points, *wide, x_title, y_title, unit)
    return shown, plot.scatter(points, *NARROW, x_title, y_title, unit)


def artefact_plots(rows: list[ResultRow], chosen: ResultRow | None) -> tuple[str, str]:
    """Accuracy against median latency for desktop and phone width; empty without such rows."""
    points = []
    for row in rows:
        scored = accuracy(row)
        if row.rejected or row.latency_ms is None or scored is None:
            continue
        points.append(
            plot.Point(
                label=recommend.name_of(row),
                format=row.format,
                filled=row.precision == "int8",
                x=row.latency_ms.p50,
                y=scored[0],
                interval=scored[1],
                chosen=row is chosen,
            )
        )
    return both_plots(points, "Median latency", rows, wide=BESIDE_BARS)


def layer_plots(found: SensitivityDocument | None, labelled: int) -> tuple[str, str]:
    """The layers' errors for desktop and phone width; the worst have their rank as label."""
    if found is None or not found.layers:
        return "", ""
    points = [
        layer_plot.LayerPoint(
            name=row.layer,
            position=row.position,
            kl=row.kl_alone,
            weighted=row.weight_sqnr_db is not None,
            label=str(rank) if rank <= labelled else "",
        )
        for rank, row in enumerate(found.layers, 1)
    ]
    return (
        layer_plot.layer_plot(points, found.kl, *WIDE_LAYERS),
        layer_plot.layer_plot(points, found.kl, *NARROW_LAYERS),
    )
