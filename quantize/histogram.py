"""Histograms of values over a calibration set, and the grid that loses least of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quantize.qparams import QMAX, QMIN, QParams, from_range

BINS = 2048


@dataclass
class Extent:
    """The smallest and largest value seen."""

    low: float = float("inf")
    high: float = float("-inf")

    def update(self, x: Tensor) -> None:
        """Widen to hold ``x`` (any shape); non-finite values are an error of the network."""
        low, high = torch.aminmax(x)
        self.low = min(self.low, float(low))
        self.high = max(self.high, float(high))


class Histogram:
    """Counts of values in ``BINS`` equal bins over [low, high]; values outside are clamped."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, max(high, low + 1e-12)
        self.counts = torch.zeros(BINS, dtype=torch.float64)

    def update(self, x: Tensor) -> None:
        """Count ``x``, a float32 tensor of any shape."""
        inside = x.reshape(-1).clamp(self.low, self.high)
        self.counts += torch.histc(inside, BINS, self.low, self.high).double()

    @property
    def centers(self) -> NDArray[np.float64]:
        """The middle of each bin."""
        edges = np.linspace(self.low, self.high, BINS + 1)
        return (edges[:-1] + edges[1:]) / 2


def _error(
    centers: NDArray[np.float64],
    counts: NDArray[np.float64],
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Sum of squared quantization errors of the histogram for each (low, high) candidate."""
    low = np.minimum(lows, 0.0)[:, None]
    high = np.maximum(highs, 0.0)[:, None]
    scale = np.maximum((high - low) / (QMAX - QMIN), 1e-30)
    zero = np.clip(np.round(QMIN - low / scale), QMIN, QMAX)
    q = np.clip(np.round(centers[None, :] / scale) + zero, QMIN, QMAX)
    difference = (q - zero) * scale - centers[None, :]
    # Inside a bin, values are uniform: rounding noise below the bin width averages out.
    return np.asarray((difference**2 * counts[None, :]).sum(axis=1))


def best_grid(histogram: Histogram, steps: int = 64, rounds: int = 3) -> QParams:
    """The int8 grid with the least mean squared error over the histogram.

    Coordinate descent: each end of the range in turn takes the best of ``steps`` candidates
    between 20 % and 100 % of its extent.
    """
    keep = histogram.counts.numpy() > 0
    centers, counts = histogram.centers[keep], histogram.counts.numpy()[keep]
    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
    if len(centers) == 0 or high - low < 1e-9:
        return from_range(low, high)
    factors = np.linspace(0.2, 1.0, steps)
    best_low, best_high = low, high
    for _ in range(rounds):
        highs = factors * high
        errors = _error(centers, counts, np.full(steps, best_low), highs)
        chosen_high = float(highs[int(errors.argmin())])
        lows = factors * low
        errors = _error(centers, counts, lows, np.full(steps, chosen_high))
        chosen_low = float(lows[int(errors.argmin())])
        if (chosen_low, chosen_high) == (best_low, best_high):
            break
        best_low, best_high = chosen_low, chosen_high
    return from_range(best_low, best_high)
