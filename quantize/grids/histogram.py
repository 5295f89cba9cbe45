"""Histograms of values over a calibration set, and the grid that loses least of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quantize.qparams import QMAX, QMIN, QParams, from_range

BINS = 4096
#: Values an image that are counted at most; over hundreds of images a grid's error is known to
#: far better than steps of its search differ.
COUNTED = 4096
#: Factors of an end that are tried, and then around the best: steps of 1 %.
COARSE, FINE = 17, 11
Ends = NDArray[np.float64]


class Histogram:
    """Counts of values, in :data:`BINS` equal bins, over a range that grows with what is seen.

    Values outside of ``bounds`` are clamped to them. ``low`` and ``high`` are the smallest and
    largest value seen, before that: inf and -inf. Of large tensors a regular sample is counted,
    but every value is seen.
    """

    def __init__(self, low: float = -math.inf, high: float = math.inf) -> None:
        self.bounds = (low, high)
        self.low, self.high = math.inf, -math.inf
        self.counts = torch.zeros(BINS, dtype=torch.float64)
        self._range = (0.0, 0.0)

    def update(self, x: Tensor) -> None:
        """See ``x``, float32 of any shape, images first; not finite extents count nothing."""
        # Five times as fast as over dimensions that are not in the order of memory.
        low, high = (float(end) for end in torch.aminmax(_flat(x)))
        self.low, self.high = min(self.low, low), max(self.high, high)
        if not self.finite:
            return
        self._cover(*(min(max(end, self.bounds[0]), self.bounds[1]) for end in (low, high)))
        inside = sample(x, COUNTED * len(x)).clamp(*self.bounds).clamp_(*self._range)
        self.counts += torch.histc(inside, BINS, *self._range).double()

    @property
    def finite(self) -> bool:
        """Whether every value seen is a number."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def extent(self) -> tuple[float, float]:
        """What a grid has to cover to lose nothing: the values seen, within bounds, and zero."""
        low, high = self.bounds
        return min(max(self.low, low), 0.0), max(min(self.high, high), 0.0)

    @property
    def centers(self) -> NDArray[np.float64]:
        """The middle of each bin, (BINS,)."""
        edges = np.linspace(*self._range, BINS + 1)
        return (edges[:-1] + edges[1:]) / 2

    def _cover(self, low: float, high: float) -> None:
        """Widen the range to hold [low, high]: twice as wide each time, two bins becoming one."""
        start, end = self._range
        if start == end:
            self._range = (low, max(high, low + 1e-12))
            return
        while high > end or low < start:
            folded = self.counts.reshape(-1, 2).sum(1)
            empty = torch.zeros_like(folded)
            width = end - start
            if high > end:
                end, self.counts = end + width, torch.cat([folded, empty])
            else:
                start, self.counts = start - width, torch.cat([empty, folded])
        self._range = (start, end)


def sample(x: Tensor, most: int) -> Tensor:
    """At most about ``most`` values of ``x`` (any shape), (n,), evenly from everywhere.

    In steps that have no factor in common with the number of channels, dimension 1, which are
    neighbours in channels_last: every channel is met alike.
    """
    step = max(1, x.numel() // max(1, most))
    channels = x.shape[1] if x.ndim > 1 else 1
    while math.gcd(step, channels) > 1:
        step += 1
    return _flat(x)[::step]


def _flat(x: Tensor) -> Tensor:
    """All values of ``x``, a view where it is channels_last or has no positions."""
    return (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).reshape(-1)


def _error(
    centers: NDArray[np.float64],
    counts: NDArray[np.float64],
    lows: Ends | float,
    highs: Ends | float,
) -> NDArray[np.float64]:
    """Sum of squared quantization errors of the histogram for each (low, high) candidate."""
    low = np.minimum(np.atleast_1d(lows), 0.0)[:, None]
    high = np.maximum(np.atleast_1d(highs), 0.0)[:, None]
    scale = np.maximum((high - low) / (QMAX - QMIN), 1e-30)
    zero = np.clip(np.round(QMIN - low / scale), QMIN, QMAX)
    q = np.clip(np.round(centers[None, :] / scale) + zero, QMIN, QMAX)
    difference = (q - zero) * scale - centers[None, :]
    # Inside a bin, values are uniform: rounding noise below the bin width averages out.
    return np.asarray((difference**2 * counts[None, :]).sum(axis=1))


def best_grid(histogram: Histogram, rounds: int = 3) -> QParams:
    """The int8 grid with the least mean squared error over the histogram.

    Coordinate descent: each end of the range in turn takes the best of the candidates between 20 %
    and 100 % of its extent.
    """
    keep = histogram.counts.numpy() > 0
    centers, counts = histogram.centers[keep], histogram.counts.numpy()[keep]
    low, high = histogram.extent
    if len(centers) == 0 or high - low < 1e-9:
        return from_range(low, high)
    best_low, best_high = low, high
    for _ in range(rounds):
        chosen_high = _best_end(high, partial(_error, centers, counts, best_low))
        chosen_low = _best_end(low, partial(_error, centers, counts, highs=chosen_high))
        if (chosen_low, chosen_high) == (best_low, best_high):
            break
        best_low, best_high = chosen_low, chosen_high
    return from_range(best_low, best_high)


def _best_end(end: float, error: Callable[[Ends], Ends]) -> float:
    """20 to 100 % of ``end``, where ``error`` is least: of some coarse steps, then around it."""
    coarse = np.linspace(0.2, 1.0, COARSE)
    best = float(coarse[int(error(coarse * end).argmin())])
    step = coarse[1] - coarse[0]
    fine = np.linspace(max(best - step, 0.2), min(best + step, 1.0), FINE)
    return end * float(fine[int(error(fine * end).argmin())])
