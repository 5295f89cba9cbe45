"""The axes of plots: where a value stands, which values are marked, and what is off the scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from fbdeploy.report.labels import Box

MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 52.0, 14.0, 34.0, 44.0
CROWDED = 1 / 3
"""A linear axis from zero is crowded where half of the points are in its first third."""
OUTLYING_POINTS, OUTLYING = 5.0, 4.0
"""Percentage points below the median, and times the best's distance from it, from which an accuracy
is an outlier: int8 that lost the network would squeeze all others into one line."""


@dataclass(frozen=True)
class Axis:
    """From ``low`` at ``start`` to ``high`` at ``end``, in SVG units. What is below ``low`` stands
    at ``start``."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """The place of a value."""
        low, high, value = self.low, self.high, max(value, self.low)
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def is_below(self, value: float) -> bool:
        """Whether a value is off the scale."""
        return value < self.low

    def marks(self, about: int) -> list[tuple[float, str]]:
        """Places and texts of about so many round values."""
        if self.logarithmic:
            return [(self.at(value), f"{value:g}") for value in _steps(self.low, self.high, about)]
        values = ticks(self.low, self.high, about)
        digits = 0
        if len(values) > 1:
            digits = max(0, -math.floor(math.log10(values[1] - values[0])))
        return [(self.at(value), f"{value:.{digits}f}") for value in values]


def cost_axis(costs: Sequence[float], start: float, end: float) -> Axis:
    """Of latencies: linear from zero, logarithmic where outliers rule."""
    low, high = min(costs), max(costs)
    if low > 0 and median(costs) < CROWDED * high:
        return Axis(low / 1.25, high * 1.25, start, end, logarithmic=True)
    return Axis(0.0, high * 1.12, start, end)


def accuracy_axis(values: Sequence[tuple[float, float, float]], start: float, end: float) -> Axis:
    """Of accuracies in percent, each with its interval: around all that are no outliers, and at
    least one point."""
    middle, best = median(value[0] for value in values), max(value[0] for value in values)
    floor = middle - max(OUTLYING_POINTS, OUTLYING * (best - middle))
    kept = [value for value in values if value[0] >= floor]
    low, high = min(value[1] for value in kept), max(value[2] for value in kept)
    pad = max(0.12 * (high - low), (1.0 - (high - low)) / 2, 0.1)
    return Axis(max(0.0, low - pad), min(100.0 + pad / 4, high + pad), start, end)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) within ``low..high``."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def _steps(low: float, high: float, about: int) -> list[float]:
    """1, 2 and 5 times the powers of ten within ``low..high``; the powers alone if these are as
    many as wanted."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [factor * 10.0**power for power in powers for factor in factors]
        found = [value for value in found if low <= value <= high]
        if len(found) <= about:
            break
    return found


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
