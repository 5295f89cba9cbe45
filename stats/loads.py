"""Two artefacts that were loaded again and again, load against load."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stats.interval import CONFIDENCE, FloatVector, Interval
from stats.percentiles import block_percentiles

UNDISTURBED = 1
"""Percentile of a load's runs that counts as its undisturbed time. Not the minimum, which falls
with the number of runs. While other guests of the host kept the core's other thread busy for
seconds, ratios of six sessions lay within 1.1 % by this percentile and within 1.8 % by the tenth
(int8 artefacts of the embedded default, the fastest quarter of the loads)."""
SWAPS = 2000
"""Random swaps where there are too many to try all."""
ALL_SWAPS_UP_TO = 10  # pairs: 1024 ways


@dataclass(frozen=True)
class LoadComparison:
    """One series against another: ``ratio`` first over second, with its interval.

    ``different`` is whether the interval leaves out 1; ``p_value`` is two-sided; ``loads`` is how
    many pairs they are of.
    """

    ratio: float
    interval: Interval
    p_value: float
    loads: int

    @property
    def different(self) -> bool:
        """Whether the two differ at the interval's confidence."""
        return 1.0 not in self.interval


def compare_loads(
    first: ArrayLike,
    second: ArrayLike,
    *,
    first_runs: int,
    second_runs: int,
    confidence: float = CONFIDENCE,
) -> LoadComparison:
    """The ratio of the undisturbed times of two artefacts that were loaded again and again.

    What disturbs a run only ever adds time (Chen and Revels 2016, arXiv:1608.04295), and it may
    last for seconds, so for whole loads: on a shared host most of them, and the artefacts not
    alike. Therefore a load counts with the first percentile of its runs, and an artefact with the
    geometric mean of its fastest quarter of loads. Loads are the unit, since what differs between
    two loads no number of runs of one can show (Kalibera and Jones 2013, ISMM).

    The p-value is that of the permutation test which swaps the two times within loads. Where both
    artefacts are the same and both their loads and their rounds are in random order, every
    swap is as likely, and the chance of calling a difference is at most 1 - confidence, whatever
    the noise. The interval holds the ratios that this test does not reject; with fewer than 6 loads
    it is unbounded at 95 %.

    Args:
        first: (loads * first_runs,) durations in the order they were taken.
        second: (loads * second_runs,) durations, taken in turn with those of the first.
        first_runs: runs a load of the first.
        second_runs: runs a load of the second.
        confidence: in (0, 1).

    Raises:
        ValueError: a different number of loads, none at all, or a duration of 0 or less.
    """
    upper = block_percentiles(first, first_runs, UNDISTURBED)
    lower = block_percentiles(second, second_runs, UNDISTURBED)
    if upper.size != lower.size or not upper.size:
        raise ValueError(f"{upper.size} loads against {lower.size}")
    if min(upper.min(), lower.min()) <= 0:
        raise ValueError("durations must be positive")
    pairs = np.log(np.stack([upper, lower]))
    center = float(_fastest_quarter(pairs[0]) - _fastest_quarter(pairs[1]))
    ends = [_last_kept(pairs, center, side, 1 - confidence) for side in (-1, 1)]
    return LoadComparison(
        ratio=math.exp(center),
        interval=Interval(*(math.exp(end) for end in ends)),
        p_value=_swap_p(pairs, 0.0),
        loads=int(upper.size),
    )


def _fastest_quarter(logs: FloatVector) -> FloatVector:
    """The mean of the smallest quarter, at least one, along the last axis."""
    count = max(1, logs.shape[-1] // 4)
    mean: FloatVector = np.sort(logs, axis=-1)[..., :count].mean(-1)
    return mean


def _swap_p(pairs: FloatVector, shift: float) -> float:
    """Two-sided p-value of the swap test for (2, loads) logarithms that differ by ``shift``."""
    first, second = pairs[0] - shift, pairs[1]
    swapped = _swaps(first.size)
    either = np.where(swapped, second, first), np.where(swapped, first, second)
    differences = np.abs(_fastest_quarter(either[0]) - _fastest_quarter(either[1]))
    seen = abs(float(_fastest_quarter(first) - _fastest_quarter(second)))
    return float(np.mean(differences >= seen - 1e-12))


@cache
def _swaps(loads: int) -> NDArray[np.bool_]:
    """Which loads to swap, (ways, loads): all ways, or some at random. Not to be written to."""
    if loads <= ALL_SWAPS_UP_TO:
        ways: NDArray[np.bool_] = (np.arange(2**loads)[:, None] >> np.arange(loads)) & 1 == 1
        return ways
    drawn = np.random.default_rng(0).random((SWAPS, loads)) < 0.5
    drawn[0] = False  # as it was, so that no p-value is 0
    return drawn


def _last_kept(pairs: FloatVector, center: float, side: int, alpha: float) -> float:
    """The last shift from ``center`` towards ``side`` that the swap test does not reject."""
    kept, step = center, 1e-4
    while _swap_p(pairs, center + side * step) > alpha:
        kept, step = center + side * step, 2 * step
        if step > 2 * float(np.ptp(pairs)) + 1:
            return side * math.inf
    rejected = center + side * step
    while abs(rejected - kept) > 1e-5:
        middle = (rejected + kept) / 2
        if _swap_p(pairs, middle) > alpha:
            kept = middle
        else:
            rejected = middle
    return kept
