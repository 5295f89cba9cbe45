"""From estimated cycles to milliseconds of one device, by a few networks measured on it.

The model is ``milliseconds = scale x cycles``: on a log axis a shift, found as the mean of
``log(milliseconds / cycles)``, so that every network counts alike whatever its size. The interval
of a new network's time is Student's prediction interval of that mean (Montgomery & Runger, Applied
Statistics and Probability for Engineers, section 8-6), taken back from the log axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from stats.interval import Interval
from zoo.documents import Schema
from zoo.errors import InputError

MINIMUM_POINTS = 3
CONFIDENCE = 0.95
MOST = 1e18
"""Cycles or milliseconds; more is no measurement."""
LARGEST_DEVIATION = 10.0
"""Of a logarithm: estimates wrong by 20,000 times."""


class LatencyPoint(Schema):
    """A network measured on the device: its name, estimated cycles and measured milliseconds."""

    network: str
    cycles: float = Field(gt=0, le=MOST)
    milliseconds: float = Field(gt=0, le=MOST)


@dataclass(frozen=True)
class Estimate:
    """Milliseconds with their 95 % interval."""

    milliseconds: float
    interval: Interval


class LatencyModel(Schema):
    """A fitted scale for one device and core, and how wrong it was on the measured networks.

    ``scale`` is milliseconds a cycle; ``errors`` and ``leave_one_out`` hold the relative error of
    each point (0.05: estimated 5 % too long) fitted with it and without it.
    """

    device: str
    core: str
    points: tuple[LatencyPoint, ...] = Field(min_length=MINIMUM_POINTS)
    scale: float = Field(gt=0, le=MOST)
    log_deviation: float = Field(ge=0, le=LARGEST_DEVIATION)
    errors: tuple[float, ...]
    leave_one_out: tuple[float, ...]

    def estimate(self, cycles: float) -> Estimate:
        """Milliseconds of a network of so many cycles on the device."""
        from scipy import special  # half a second that readers need not wait for

        count = len(self.points)
        quantile = float(special.stdtrit(count - 1, 0.5 + CONFIDENCE / 2))
        spread = math.exp(quantile * self.log_deviation * math.sqrt(1 + 1 / count))
        value = self.scale * cycles
        return Estimate(value, Interval(value / spread, value * spread))

    def mean_error(self) -> float:
        """Mean absolute relative error of the points, each estimated from the others."""
        return float(np.mean(np.abs(self.leave_one_out)))

    def describe(self) -> str:
        """One line for reports."""
        return (
            f"estimated from cycles by {len(self.points)} networks measured on {self.device}, "
            f"leave-one-out error {self.mean_error():.1%}"
        )


def fit_latency(device: str, core: str, points: Sequence[LatencyPoint]) -> LatencyModel:
    """Fit the scale of a device.

    Args:
        device: what the milliseconds were measured on.
        core: the emulated core whose cycles are given.
        points: at least three networks.

    Raises:
        InputError: too few points.
    """
    if len(points) < MINIMUM_POINTS:
        raise InputError(
            f"{device}: a latency model needs at least {MINIMUM_POINTS} measured networks, "
            f"not {len(points)}; measure more of them"
        )
    logs = np.array([math.log(point.milliseconds / point.cycles) for point in points])
    count = len(logs)
    without = (logs.sum() - logs) / (count - 1)
    return LatencyModel(
        device=device,
        core=core,
        points=tuple(points),
        scale=float(np.exp(logs.mean())),
        log_deviation=float(logs.std(ddof=1)),
        errors=tuple(float(e) for e in np.exp(logs.mean() - logs) - 1),
        leave_one_out=tuple(float(e) for e in np.exp(without - logs) - 1),
    )
