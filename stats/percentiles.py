"""Percentiles of samples, and of every block of neighbouring ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from stats.interval import CONFIDENCE, FloatVector, Interval


def percentile(samples: ArrayLike, percent: float) -> float:
    """Linear interpolation between order statistics: definition 7 of Hyndman and Fan (1996).

    ``samples`` are taken flat, in any unit; ``percent`` is in 0..100. The value at rank
    (n - 1) * percent / 100 of the sorted samples, counted from 0: numpy's and R's default. With
    fewer than 100 samples the 99th percentile says little but the maximum.

    Raises:
        ValueError: no samples, or ``percent`` outside 0..100.
    """
    values = np.asarray(samples, np.float64).ravel()
    if not values.size:
        raise ValueError("a percentile of no samples")
    if not 0 <= percent <= 100:
        raise ValueError(f"percentile {percent} is outside 0..100")
    return float(np.percentile(values, percent))


def row_percentile(percent: float) -> Callable[[FloatVector], FloatVector]:
    """``percentile`` of every row, (rows, m) to (rows,), for ``bootstrap_interval``."""

    def statistic(rows: FloatVector) -> FloatVector:
        return np.asarray(np.percentile(rows, percent, axis=1), np.float64)

    return statistic


def round_medians(samples: ArrayLike, block: int) -> FloatVector:
    """The median of every ``block`` neighbouring samples; a rest that fills no block is left out.

    Returns:
        (samples // block,), in the samples' unit and order.
    """
    return block_percentiles(samples, block, 50)


def block_percentiles(samples: ArrayLike, block: int, percent: float) -> FloatVector:
    """``percentile`` of every ``block`` neighbours; a rest that fills no block is left out.

    Returns:
        (samples // block,), in the samples' unit and order.
    """
    values = np.asarray(samples, np.float64).ravel()
    blocks = values.size // block
    return row_percentile(percent)(values[: blocks * block].reshape(blocks, block))


def percentile_interval(drawn: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """The bootstrap's percentile interval (Efron and Tibshirani 1993, chapter 13) of a statistic's
    values ``drawn``, (resamples,); ``confidence`` is in (0, 1)."""
    tail = (1 - confidence) / 2 * 100
    return Interval(percentile(drawn, tail), percentile(drawn, 100 - tail))
