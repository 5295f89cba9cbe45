"""The medians of two series that were not interleaved, one against the other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from stats.bootstrap import RESAMPLES, resampled
from stats.interval import CONFIDENCE, Interval
from stats.percentiles import percentile, row_percentile


@dataclass(frozen=True)
class MedianRatio:
    """The median of one series over that of another; ``interval`` is of the ratio.

    ``log_error`` is the standard error of the ratio's logarithm.
    """

    ratio: float
    interval: Interval
    log_error: float


def median_ratio(
    first: ArrayLike,
    second: ArrayLike,
    *,
    spread: float = 0.0,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> MedianRatio:
    """The ratio of the medians of two series that were not interleaved.

    Each side is resampled by itself (percentile bootstrap of the difference of the logarithms).
    What no series can show of itself, that a session as a whole is faster or slower than another,
    is ``spread``: the standard deviation of a session's log median. The two errors are independent,
    so each side of the interval is the root of the sum of their squares (Zou and Donner 2008, Stat.
    Med. 27:1693).

    Args:
        first: (n,) positive durations, such as the medians of rounds.
        second: (m,) of the same unit.
        spread: 0 or more.
        confidence: in (0, 1).
        resamples: how many times to draw.
        seed: of the draws.

    Raises:
        ValueError: no durations, or one of 0 or less.
    """
    sides = [np.asarray(side, np.float64).ravel() for side in (first, second)]
    if not all(side.size and side.min() > 0 for side in sides):
        raise ValueError("durations must be positive, and there must be some")
    upper, lower = (
        np.log(resampled(side, row_percentile(50), 1, resamples, seed + number))
        for number, side in enumerate(sides)
    )
    drawn = upper - lower
    center = math.log(percentile(sides[0], 50) / percentile(sides[1], 50))
    tail = (1 - confidence) / 2
    session = float(special.ndtri(1 - tail)) * math.sqrt(2) * spread
    down = math.hypot(center - percentile(drawn, 100 * tail), session)
    up = math.hypot(percentile(drawn, 100 * (1 - tail)) - center, session)
    return MedianRatio(
        ratio=math.exp(center),
        interval=Interval(math.exp(center - down), math.exp(center + up)),
        log_error=math.hypot(float(np.std(drawn)), math.sqrt(2) * spread),
    )
