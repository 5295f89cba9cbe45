"""Signs of a disturbed machine in a series of latencies."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from stats.interval import FloatVector
from stats.noise import Noise

DRIFT_LIMIT = 0.03
OUTLIER_FACTOR = 1.5
OUTLIER_LIMIT = 0.05
MODE_SHARE = 0.15
MODE_DEPTH = 0.5
MODE_DISTANCE = 0.05


def judge_noise(samples: ArrayLike) -> Noise:
    """Drift, outliers and several modes of a latency series, ``samples`` (runs,) in any unit.

    The limits are ours, chosen so that gamma- and lognormal-shaped series of a quiet machine pass:

    * drift: the median of the last third differs from that of the first by more than 3 %, and
      Mann-Whitney's test between them has p < 0.001;
    * outliers: more than 5 % of the runs take over 1.5 times the median;
    * modes: the density estimate has a second peak that holds at least 15 % of the runs, stands
      at least 5 % of the median away, with a valley below half of the lower peak between.

    Raises:
        ValueError: fewer than 3 samples.
    """
    values = np.asarray(samples, np.float64).ravel()
    if values.size < 3:
        raise ValueError(f"{values.size} samples say nothing about noise")
    median = float(np.median(values))
    third = values.size // 3
    early, late = values[:third], values[-third:]
    drift = float(np.median(late) / np.median(early) - 1)
    outliers = float(np.mean(values > OUTLIER_FACTOR * median))
    modes = _count_modes(values[values <= OUTLIER_FACTOR * median], median)
    reasons = []
    drifted = abs(drift) > DRIFT_LIMIT
    if drifted and _differ(early, late):
        reasons.append(f"drifted by {drift:+.1%} from the first to the last third")
    if outliers > OUTLIER_LIMIT:
        reasons.append(f"{outliers:.0%} of the runs took over {OUTLIER_FACTOR} times the median")
    if modes > 1:
        reasons.append(f"{modes} separate speeds")
    return Noise(bool(reasons), drift, outliers, modes, tuple(reasons))


def _differ(early: FloatVector, late: FloatVector) -> bool:
    from scipy import stats  # a second that most commands need not wait for

    return float(stats.mannwhitneyu(early, late).pvalue) < 0.001


def _count_modes(values: FloatVector, median: float) -> int:
    if values.size < 30 or float(np.ptp(values)) < MODE_DISTANCE * median:
        return 1
    # Silverman's rule oversmooths mixtures, and the standard deviation is that of the outliers'.
    quartiles = np.percentile(values, (25, 75))
    spread = min(float(np.std(values)), float(np.diff(quartiles)[0]) / 1.349)
    bandwidth = max(0.9 * spread * values.size**-0.2, 0.005 * median)
    grid = np.linspace(values.min() - 3 * bandwidth, values.max() + 3 * bandwidth, 512)
    histogram, _ = np.histogram(values, bins=512, range=(grid[0], grid[-1]))
    step = grid[1] - grid[0]
    reach = np.arange(-4 * bandwidth, 4 * bandwidth + step, step)
    density = np.convolve(histogram, np.exp(-0.5 * (reach / bandwidth) ** 2), "same")[:512]
    peaks = [
        i for i in range(1, 511) if density[i] > density[i - 1] and density[i] >= density[i + 1]
    ]
    modes: list[int] = []
    bounds: list[int] = [0]
    for peak in peaks:
        if not modes:
            modes.append(peak)
            continue
        valley = modes[-1] + int(np.argmin(density[modes[-1] : peak + 1]))
        lower = min(density[modes[-1]], density[peak])
        apart = (peak - modes[-1]) * step >= MODE_DISTANCE * median
        if density[valley] < MODE_DEPTH * lower and apart:
            modes.append(peak)
            bounds.append(valley)
        elif density[peak] > density[modes[-1]]:
            modes[-1] = peak
    bounds.append(512)
    shares = [histogram[low:high].sum() / values.size for low, high in pairwise(bounds)]
    return max(1, int(sum(share >= MODE_SHARE for share in shares)))
