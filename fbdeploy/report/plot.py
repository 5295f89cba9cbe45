"""The accuracy-latency plot as SVG. Colours are CSS classes of the page, so both schemes work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from fbdeploy.report import numbers
from fbdeploy.report.axes import (
    MARGIN_BOTTOM,
    MARGIN_LEFT,
    MARGIN_RIGHT,
    MARGIN_TOP,
    Axis,
    accuracy_axis,
    axes,
    cost_axis,
)
from fbdeploy.report.labels import RADIUS, Box, fitting, leader, place_labels
from stats.interval import Interval

RING = RADIUS + 5


@dataclass(frozen=True)
class Point:
    """One artefact: ``x`` is its latency, ``y`` and ``interval`` its top-1 in percent.

    ``format`` names the colour; a filled marker is an integer precision, a hollow one float.
    ``label`` is always in the description, and written beside the marker if ``labelled``. The
    ``chosen`` one has a ring.
    """

    label: str
    format: str
    filled: bool
    x: float
    y: float
    interval: Interval | None = None
    labelled: bool = True
    chosen: bool = False


def pareto_front(points: list[Point]) -> list[Point]:
    """The points that no other beats in both, from the fastest to the most accurate."""
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.x, -point.y)):
        if not front or point.y > front[-1].y:
            front.append(point)
    return front


def scatter(
    points: list[Point], width: int, height: int, x_title: str, y_title: str, unit: str = "ms"
) -> str:
    """An ``<svg>`` of ``width`` x ``height`` units with all points, their front and their labels.

    A label has no place only where every place beside it is another's. What is far below all others
    stands on the lower edge with its value.

    Args:
        points: at least one.
        width: of the picture.
        height: of the picture.
        x_title: what is plotted from left to right.
        y_title: and upwards.
        unit: that of the points' ``x``.

    Raises:
        ValueError: there is no point.
    """
    if not points:
        raise ValueError("a plot needs a point")
    frame: Box = (MARGIN_LEFT, MARGIN_TOP, width - MARGIN_RIGHT, height - MARGIN_BOTTOM)
    across = cost_axis([point.x for point in points], frame[0], frame[2])
    spans = [point.interval or Interval(point.y, point.y) for point in points]
    upwards = accuracy_axis(
        [(point.y, span.low, span.high) for point, span in zip(points, spans, strict=True)],
        frame[3],
        frame[1],
    )
    log = ", logarithmic" if across.logarithmic else ""
    parts = [
        f'<svg viewBox="0 0 {width} {height}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(y_title)} against {escape(x_title)}, {escape(unit)}</title>",
        "<desc>" + escape("; ".join(_describe(point, unit) for point in points)) + "</desc>",
        *axes(frame, across.marks(width // 80), upwards.marks(5)),
        f'<text class="title" x="{(frame[0] + frame[2]) / 2:.1f}" y="{height - 6}" '
        f'text-anchor="middle">{escape(x_title)}, {escape(unit)}{log}</text>',
        f'<text class="title" x="14" y="20">{escape(y_title)}</text>',
    ]
    front = pareto_front(points)
    if len(front) > 1:
        path = f"M{across.at(front[0].x):.1f} {upwards.at(front[0].y):.1f}"
        path += "".join(
            f"H{across.at(point.x):.1f}V{upwards.at(point.y):.1f}" for point in front[1:]
        )
        parts.append(f'<path class="front" d="{path}"/>')
    parts += [_marker(point, across.at(point.x), upwards.at) for point in points]
    parts += _labels(points, across, upwards, frame)
    parts.append("</svg>")
    return "\n".join(parts)


def _labels(points: list[Point], across: Axis, upwards: Axis, frame: Box) -> list[str]:
    # What is off the scale is named even where others are not: its place alone says nothing.
    marks = [
        (across.at(point.x), upwards.at(point.y), fitting(_label(point, upwards), frame))
        for point in sorted(points, key=lambda point: not point.chosen)
        if point.labelled or upwards.is_below(point.y)
    ]
    others = [(across.at(point.x), upwards.at(point.y)) for point in points if not point.labelled]
    parts = []
    for (x, y, label), box in zip(marks, place_labels(marks, frame, others), strict=True):
        if box is None:
            continue
        parts += leader(x, y, box)
        parts.append(
            f'<text class="label" x="{box[0]:.1f}" y="{box[3] - 4:.1f}">{escape(label)}</text>'
        )
    return parts


def _label(point: Point, upwards: Axis) -> str:
    return f"{point.label}: {point.y:.1f} %" if upwards.is_below(point.y) else point.label


def _describe(point: Point, unit: str) -> str:
    return f"{point.label}: {numbers.significant(point.x)} {unit}, {point.y:.2f} %"


def _marker(point: Point, x: float, at_y: Callable[[float], float]) -> str:
    y = at_y(point.y)
    extra = ""
    if point.interval:
        extra = (
            f'<line class="bar" x1="{x:.1f}" y1="{at_y(point.interval[0]):.1f}" '
            f'x2="{x:.1f}" y2="{at_y(point.interval[1]):.1f}"/>'
        )
    ring = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="{RING}"/>' if point.chosen else ""
    kind = "filled" if point.filled else "hollow"
    return (
        f'<g class="mark {kind} {escape(point.format)}">{extra}'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}"/>{ring}</g>'
    )
