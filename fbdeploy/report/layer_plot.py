"""The error of each layer along the network as SVG; colours are CSS classes of the page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from fbdeploy.report import numbers
from fbdeploy.report.axes import MARGIN_BOTTOM, MARGIN_RIGHT, MARGIN_TOP, axes, ticks
from fbdeploy.report.labels import CHARACTER_WIDTH, LINE_HEIGHT, Box, place_labels

MARGIN_LEFT = 58.0
RADIUS = 3.5
WHOLE = "all layers"
WHOLE_WIDTH = len(WHOLE) * CHARACTER_WIDTH
DECADES = 5
"""Powers of ten shown below the largest error; what lies lower is drawn at the bottom."""


@dataclass(frozen=True)
class LayerPoint:
    """One layer: its place in the network from 1, its error in nats, and whether it has weights.

    ``label`` is written beside it; empty for none.
    """

    name: str
    position: int
    kl: float
    weighted: bool
    label: str = ""


def layer_plot(points: list[LayerPoint], whole: float, width: int, height: int) -> str:
    """An ``<svg>`` of ``width`` x ``height`` units: error against place, on a logarithmic scale.

    ``whole`` is the error of the network with every layer in int8, drawn as a dashed line.

    Raises:
        ValueError: there is no point.
    """
    if not points:
        raise ValueError("a plot needs a point")
    top = math.ceil(math.log10(max(whole, *(point.kl for point in points), 1e-12)))
    bottom = top - DECADES
    last = max(point.position for point in points)
    frame: Box = (MARGIN_LEFT, MARGIN_TOP, width - MARGIN_RIGHT, height - MARGIN_BOTTOM)

    def at_x(position: float) -> float:
        return frame[0] + position / (last + 1) * (frame[2] - frame[0])

    def at_y(kl: float) -> float:
        exponent = max(bottom, math.log10(kl)) if kl > 0 else bottom
        return frame[3] - (exponent - bottom) / (top - bottom) * (frame[3] - frame[1])

    parts = [
        f'<svg viewBox="0 0 {width} {height}" role="img" xmlns="http://www.w3.org/2000/svg">',
        "<title>KL from float of each layer alone in int8, along the network</title>",
        "<desc>"
        + escape("; ".join(_describe(point) for point in points if point.label))
        + "</desc>",
    ]
    places = [value for value in ticks(0, last + 1, max(4, width // 120)) if value >= 1]
    parts += axes(
        frame,
        [(at_x(value), f"{value:g}") for value in places if value == int(value)],
        [(at_y(10.0**power), _power(power)) for power in range(bottom, top + 1)],
    )
    middle = (frame[0] + frame[2]) / 2
    parts.append(
        f'<text class="title" x="{middle:.1f}" y="{height - 6}" text-anchor="middle">'
        "Layer, in order of execution</text>"
    )
    parts.append('<text class="title" x="14" y="20">KL from float, nats</text>')
    parts.append(
        f'<line class="front" x1="{frame[0]:.1f}" y1="{at_y(whole):.1f}" '
        f'x2="{frame[2]:.1f}" y2="{at_y(whole):.1f}"/>'
    )
    parts.append(
        f'<text class="label" x="{frame[2] - 4:.1f}" y="{at_y(whole) + LINE_HEIGHT:.1f}" '
        f'text-anchor="end">{WHOLE}</text>'
    )
    for point in points:
        kind = "filled" if point.weighted else "hollow"
        parts.append(
            f'<g class="mark layer {kind}"><circle cx="{at_x(point.position):.1f}" '
            f'cy="{at_y(point.kl):.1f}" r="{RADIUS}"/></g>'
        )
    marks = [(at_x(p.position), at_y(p.kl), p.label) for p in points if p.label]
    written = (frame[2] - WHOLE_WIDTH, at_y(whole), frame[2], at_y(whole) + LINE_HEIGHT + 4)
    boxes = place_labels(marks, frame, texts=[written])
    for (_, _, label), box in zip(marks, boxes, strict=True):
        if box is not None:
            parts.append(
                f'<text class="label" x="{box[0]:.1f}" y="{box[3] - 4:.1f}">{escape(label)}</text>'
            )
    parts.append("</svg>")
    return "\n".join(parts)


def _describe(point: LayerPoint) -> str:
    return f"{point.label}: {point.name}, {numbers.significant(point.kl)} nats"


def _power(exponent: int) -> str:
    """``10`` with a raised exponent."""
    raised = "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(c)] if c.isdigit() else "⁻" for c in str(exponent))
    return f"10{raised}"
