"""The accuracy-latency plot as SVG. Colours are CSS classes of the page, so both schemes work."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from fbdeploy.report import numbers
from stats.interval import Interval

Box = tuple[float, float, float, float]
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 52.0, 14.0, 34.0, 44.0
CHARACTER_WIDTH, LINE_HEIGHT, RADIUS = 7.4, 15.0, 6.0


@dataclass(frozen=True)
class Point:
    """One artefact: ``x`` is its latency, ``y`` and ``interval`` its top-1 in percent.

    ``format`` names the colour; a filled marker is an integer precision, a hollow one float.
    ``label`` is always in the description, and written beside the marker if ``labelled``.
    """

    label: str
    format: str
    filled: bool
    x: float
    y: float
    interval: Interval | None = None
    labelled: bool = True


def pareto_front(points: list[Point]) -> list[Point]:
    """The points that no other beats in both, from the fastest to the most accurate."""
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.x, -point.y)):
        if not front or point.y > front[-1].y:
            front.append(point)
    return front


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) within ``low..high``."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def _extent(points: list[Point]) -> tuple[float, float, float, float]:
    """The plotted ranges: latency from zero, accuracy around the intervals, at least one point."""
    x_high = max(point.x for point in points) * 1.12
    lows = [point.interval[0] if point.interval else point.y for point in points]
    highs = [point.interval[1] if point.interval else point.y for point in points]
    low, high = min(lows), max(highs)
    pad = max(0.12 * (high - low), (1.0 - (high - low)) / 2, 0.1)
    return 0.0, x_high, max(0.0, low - pad), min(100.0 + pad / 4, high + pad)


def _overlap(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)


def place_labels(marks: list[tuple[float, float, str]], frame: Box) -> list[Box]:
    """One box a label beside its mark, each where it covers the least of what is there already."""
    taken: list[Box] = [(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y, _ in marks]
    boxes: list[Box] = []
    for x, y, label in marks:
        width, gap = len(label) * CHARACTER_WIDTH, RADIUS + 4
        candidates: list[Box] = []
        for dy in (0.0, -14.0, 14.0, -30.0, 30.0, -46.0, 46.0, 62.0):
            for left in (x + gap, x - gap - width, x - width / 2):
                top = y - LINE_HEIGHT / 2 + dy
                candidates.append((left, top, left + width, top + LINE_HEIGHT))

        def cost(box: Box, anchor: tuple[float, float] = (x, y)) -> float:
            outside = (box[2] - box[0]) * LINE_HEIGHT - _overlap(box, frame)
            covered = sum(_overlap(box, other) for other in taken)
            centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            return 50 * outside + 20 * covered + math.dist(centre, anchor)

        best = min(candidates, key=cost)
        taken.append(best)
        boxes.append(best)
    return boxes


def scatter(
    points: list[Point], width: int, height: int, x_title: str, y_title: str, unit: str = "ms"
) -> str:
    """An ``<svg>`` of ``width`` x ``height`` units with all points, their front and their labels.

    ``unit`` is that of the points' ``x``.

    Raises:
        ValueError: there is no point.
    """
    if not points:
        raise ValueError("a plot needs a point")
    x_low, x_high, y_low, y_high = _extent(points)
    frame: Box = (MARGIN_LEFT, MARGIN_TOP, width - MARGIN_RIGHT, height - MARGIN_BOTTOM)

    def at_x(value: float) -> float:
        return frame[0] + (value - x_low) / (x_high - x_low) * (frame[2] - frame[0])

    def at_y(value: float) -> float:
        return frame[3] - (value - y_low) / (y_high - y_low) * (frame[3] - frame[1])

    parts = [
        f'<svg viewBox="0 0 {width} {height}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(y_title)} against {escape(x_title)}, {escape(unit)}</title>",
        "<desc>" + escape("; ".join(_describe(point, unit) for point in points)) + "</desc>",
    ]
    y_ticks = ticks(y_low, y_high, 5)
    digits = 0 if len(y_ticks) < 2 else max(0, -math.floor(math.log10(y_ticks[1] - y_ticks[0])))
    parts += axes(
        frame,
        [(at_x(value), f"{value:g}") for value in ticks(x_low, x_high, width // 90)],
        [(at_y(value), f"{value:.{digits}f}") for value in y_ticks],
    )
    middle = (frame[0] + frame[2]) / 2
    parts.append(
        f'<text class="title" x="{middle:.1f}" y="{height - 6}" text-anchor="middle">'
        f"{escape(x_title)}, {escape(unit)}</text>"
    )
    parts.append(f'<text class="title" x="14" y="20">{escape(y_title)}</text>')
    front = pareto_front(points)
    if len(front) > 1:
        path = f"M{at_x(front[0].x):.1f} {at_y(front[0].y):.1f}"
        path += "".join(f"H{at_x(point.x):.1f}V{at_y(point.y):.1f}" for point in front[1:])
        parts.append(f'<path class="front" d="{path}"/>')
    for point in points:
        parts.append(_marker(point, at_x(point.x), at_y))
    marks = [(at_x(point.x), at_y(point.y), point.label) for point in points if point.labelled]
    for (x, y, label), box in zip(marks, place_labels(marks, frame), strict=True):
        near_x = min(max(x, box[0]), box[2])
        near_y = min(max(y, box[1]), box[3])
        if math.dist((x, y), (near_x, near_y)) > RADIUS + 8:
            parts.append(
                f'<line class="leader" x1="{x:.1f}" y1="{y:.1f}" '
                f'x2="{near_x:.1f}" y2="{near_y:.1f}"/>'
            )
        parts.append(
            f'<text class="label" x="{box[0]:.1f}" y="{box[3] - 4:.1f}">{escape(label)}</text>'
        )
    parts.append("</svg>")
    return "\n".join(parts)


def _describe(point: Point, unit: str) -> str:
    return f"{point.label}: {numbers.significant(point.x)} {unit}, {point.y:.2f} %"


def axes(
    frame: Box, x_marks: list[tuple[float, str]], y_marks: list[tuple[float, str]]
) -> list[str]:
    """The grid and the axis of a plot; marks are positions in SVG units and their texts."""
    parts = []
    for y, text in y_marks:
        parts.append(
            f'<line class="grid" x1="{frame[0]:.1f}" y1="{y:.1f}" '
            f'x2="{frame[2]:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(
            f'<text class="tick" x="{frame[0] - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">'
            f"{text}</text>"
        )
    for x, text in x_marks:
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{frame[3] + 18:.1f}" '
            f'text-anchor="middle">{text}</text>'
        )
    parts.append(
        f'<line class="axis" x1="{frame[0]:.1f}" y1="{frame[3]:.1f}" '
        f'x2="{frame[2]:.1f}" y2="{frame[3]:.1f}"/>'
    )
    return parts


def _marker(point: Point, x: float, at_y: Callable[[float], float]) -> str:
    y = at_y(point.y)
    bar = ""
    if point.interval:
        bar = (
            f'<line class="bar" x1="{x:.1f}" y1="{at_y(point.interval[0]):.1f}" '
            f'x2="{x:.1f}" y2="{at_y(point.interval[1]):.1f}"/>'
        )
    kind = "filled" if point.filled else "hollow"
    return (
        f'<g class="mark {kind} {escape(point.format)}">{bar}'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}"/></g>'
    )
