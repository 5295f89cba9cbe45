"""The statistics of latency samples and of accuracies.

All intervals are 95 % unless told otherwise. Nothing here knows what a runtime is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

CONFIDENCE = 0.95
RESAMPLES = 2000
UNDISTURBED = 1
"""Percentile of a load's runs that counts as its undisturbed time. Not the minimum, which falls
with the number of runs. While other guests of the host kept the core's other thread busy for
seconds, ratios of six sessions lay within 1.1 % by this percentile and within 1.8 % by the tenth
(int8 artefacts of the embedded default, the fastest quarter of the loads)."""
SWAPS = 2000
"""Random swaps where there are too many to try all."""
ALL_SWAPS_UP_TO = 10  # pairs: 1024 ways

FloatVector = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A closed interval."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """High minus low."""
        return self.high - self.low

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def as_tuple(self) -> tuple[float, float]:
        """(low, high), as JSON wants it."""
        return (self.low, self.high)


def percentile(samples: ArrayLike, percent: float) -> float:
    """Linear interpolation between order statistics: definition 7 of Hyndman and Fan (1996).

    The value at rank (n - 1) * percent / 100 of the sorted samples, counted from 0: numpy's and
    R's default. With fewer than 100 samples the 99th percentile says little but the maximum.

    Raises:
        ValueError: no samples, or ``percent`` outside 0..100.
    """
    ordered = np.sort(np.asarray(samples, np.float64).ravel())
    if not ordered.size:
        raise ValueError("a percentile of no samples")
    if not 0 <= percent <= 100:
        raise ValueError(f"percentile {percent} is outside 0..100")
    rank = (ordered.size - 1) * percent / 100
    below = math.floor(rank)
    above = min(below + 1, ordered.size - 1)
    return float(ordered[below] + (rank - below) * (ordered[above] - ordered[below]))


def bootstrap_interval(
    samples: ArrayLike,
    statistic: Callable[[FloatVector], FloatVector],
    *,
    block: int = 1,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a statistic.

    Neighbouring latencies resemble each other, so blocks of ``block`` neighbours are drawn
    together (a bootstrap of clusters); ``block=1`` is the ordinary bootstrap. A rest that fills no
    block is left out.

    Args:
        samples: (n,), n >= block.
        statistic: maps (resamples, m) to (resamples,), such as ``row_percentile(50)``.
        block: samples that belong together.
        confidence: in (0, 1).
        resamples: how many times to draw.
        seed: of the draws; the same seed gives the same interval.

    Raises:
        ValueError: fewer samples than one block.
    """
    drawn = _bootstrap(samples, statistic, block, resamples, seed)
    tail = (1 - confidence) / 2 * 100
    return Interval(percentile(drawn, tail), percentile(drawn, 100 - tail))


def _bootstrap(
    samples: ArrayLike,
    statistic: Callable[[FloatVector], FloatVector],
    block: int,
    resamples: int,
    seed: int,
) -> FloatVector:
    """The statistic of every resample, (resamples,)."""
    values = np.asarray(samples, np.float64).ravel()
    count = values.size // block
    if count < 1:
        raise ValueError(f"{values.size} samples are less than a block of {block}")
    clusters = values[: count * block].reshape(count, block)
    generator = np.random.default_rng(seed)
    results = []
    # In slices, since thousands of samples times thousands of resamples fill the memory.
    portion = max(1, 2_000_000 // (count * block))
    for start in range(0, resamples, portion):
        rows = min(portion, resamples - start)
        drawn = clusters[generator.integers(0, count, (rows, count))]
        results.append(statistic(drawn.reshape(rows, -1)))
    return np.concatenate(results)


def row_percentile(percent: float) -> Callable[[FloatVector], FloatVector]:
    """``percentile`` of every row, for ``bootstrap_interval``."""

    def statistic(rows: FloatVector) -> FloatVector:
        return np.asarray(np.percentile(rows, percent, axis=1), np.float64)

    return statistic


@dataclass(frozen=True)
class Comparison:
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
) -> Comparison:
    """The ratio of the undisturbed times of two artefacts that were loaded anew again and again.

    What disturbs a run only ever adds time (Chen and Revels 2016, arXiv:1608.04295), and it may
    last for seconds, so for whole loads: on a shared host most of them, and the artefacts not
    alike. Therefore a load counts with the first percentile of its runs, and an artefact with the
    geometric mean of its fastest quarter of loads. Loads are the unit, since what differs between
    two loads no number of runs of one can show (Kalibera and Jones 2013, ISMM).

    The p-value is that of the permutation test which swaps the two times within loads. Where both
    artefacts are the same and both their loads and their rounds are in an order drawn by lot, every
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
    return Comparison(
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
    """Which loads to swap, (ways, loads): all ways, or some by lot. Not to be written to."""
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
        np.log(_bootstrap(side, row_percentile(50), 1, resamples, seed + number))
        for number, side in enumerate(sides)
    )
    drawn = upper - lower
    center = math.log(percentile(sides[0], 50) / percentile(sides[1], 50))
    tail = (1 - confidence) / 2
    session = float(stats.norm.ppf(1 - tail)) * math.sqrt(2) * spread
    down = math.hypot(center - percentile(drawn, 100 * tail), session)
    up = math.hypot(percentile(drawn, 100 * (1 - tail)) - center, session)
    return MedianRatio(
        ratio=math.exp(center),
        interval=Interval(math.exp(center - down), math.exp(center + up)),
        log_error=math.hypot(float(np.std(drawn)), math.sqrt(2) * spread),
    )


@dataclass(frozen=True)
class Noise:
    """Signs of a disturbed machine in a series; ``reasons`` says in words what was found."""

    drift: float
    outliers: float
    modes: int
    reasons: tuple[str, ...]

    @property
    def noisy(self) -> bool:
        """Whether there is any reason not to trust the series."""
        return bool(self.reasons)


DRIFT_LIMIT = 0.03
OUTLIER_FACTOR = 1.5
OUTLIER_LIMIT = 0.05
MODE_SHARE = 0.15
MODE_DEPTH = 0.5
MODE_DISTANCE = 0.05


def judge_noise(samples: ArrayLike) -> Noise:
    """Drift, outliers and several modes of a latency series.

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
    if drifted and float(stats.mannwhitneyu(early, late).pvalue) < 0.001:
        reasons.append(f"drifted by {drift:+.1%} from the first to the last third")
    if outliers > OUTLIER_LIMIT:
        reasons.append(f"{outliers:.0%} of the runs took over {OUTLIER_FACTOR} times the median")
    if modes > 1:
        reasons.append(f"{modes} separate speeds")
    return Noise(drift, outliers, modes, tuple(reasons))


def _count_modes(values: FloatVector, median: float) -> int:
    if values.size < 30 or float(np.ptp(values)) < MODE_DISTANCE * median:
        return 1
    # Silverman's rule oversmooths mixtures, and the standard deviation is that of the outliers'.
    spread = min(float(np.std(values)), float(stats.iqr(values)) / 1.349)
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


def wilson_interval(successes: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927), without continuity correction.

    Raises:
        ValueError: no trials, or successes outside 0..trials.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    z = float(stats.norm.ppf((1 + confidence) / 2))
    share = successes / trials
    center = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    half /= 1 + z * z / trials
    # At 0 and at all successes the bound is exactly 0 or 1; rounding may miss it.
    low = 0.0 if successes == 0 else max(0.0, center - half)
    high = 1.0 if successes == trials else min(1.0, center + half)
    return Interval(low, high)


@dataclass(frozen=True)
class PairedOutcomes:
    """How two classifiers did on the same images: counts of right (+) and wrong (-)."""

    both: int
    first_only: int
    second_only: int
    neither: int

    @classmethod
    def of(cls, first: Sequence[bool] | NDArray[np.bool_], second: ArrayLike) -> PairedOutcomes:
        """Count two boolean vectors (n,), True where the classifier was right."""
        left, right = np.asarray(first, np.bool_), np.asarray(second, np.bool_)
        if left.shape != right.shape:
            raise ValueError(f"outcomes of {left.shape} and {right.shape} images")
        return cls(
            both=int(np.sum(left & right)),
            first_only=int(np.sum(left & ~right)),
            second_only=int(np.sum(~left & right)),
            neither=int(np.sum(~left & ~right)),
        )

    @property
    def images(self) -> int:
        """All of them."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def difference(self) -> float:
        """Accuracy of the first minus that of the second, in -1..1."""
        return (self.first_only - self.second_only) / self.images

    def mcnemar_p(self) -> float:
        """Two-sided exact p-value of McNemar's test; 1 where no image tells them apart."""
        discordant = self.first_only + self.second_only
        if not discordant:
            return 1.0
        fewer = min(self.first_only, self.second_only)
        return float(stats.binomtest(fewer, discordant, 0.5).pvalue)

    def difference_interval(self, confidence: float = CONFIDENCE) -> Interval:
        """Newcombe's score interval of ``difference`` (1998, Stat. Med. 17:2635, method 10).

        Raises:
            ValueError: no images.
        """
        first = self.both + self.first_only
        second = self.both + self.second_only
        one = wilson_interval(first, self.images, confidence)
        two = wilson_interval(second, self.images, confidence)
        share_one, share_two = first / self.images, second / self.images
        down = (share_one - one.low, two.high - share_two)
        up = (one.high - share_one, share_two - two.low)
        phi = self._correlation()
        return Interval(
            self.difference - _combined(down, phi), self.difference + _combined(up, phi)
        )

    def _correlation(self) -> float:
        # Phi with Newcombe's continuity correction of a positive numerator.
        right_one, right_two = self.both + self.first_only, self.both + self.second_only
        product = right_one * right_two * (self.images - right_one) * (self.images - right_two)
        if not product:
            return 0.0
        numerator = float(self.both * self.neither - self.first_only * self.second_only)
        if numerator > 0:
            numerator = max(numerator - self.images / 2, 0.0)
        return numerator / math.sqrt(product)


def _combined(sides: tuple[float, float], phi: float) -> float:
    one, two = sides
    return math.sqrt(max(0.0, one * one - 2 * phi * one * two + two * two))


def worse_p(worse: ArrayLike, better: ArrayLike) -> FloatVector:
    """One-sided exact p-values of McNemar's test that no more images became worse than better.

    P(X >= worse), X binomial of worse + better trials at 1/2, by the incomplete beta function
    (Abramowitz and Stegun 26.5.24). The least value they can have is 2 ** -(worse + better).

    Args:
        worse: counts of images that were right and are wrong, any shape.
        better: counts of the opposite, same shape.
    """
    down, up = np.asarray(worse, np.float64), np.asarray(better, np.float64)
    tail = special.betainc(np.maximum(down, 1.0), up + 1.0, 0.5)
    return np.asarray(np.where(down == 0, 1.0, tail), np.float64)


def weighted_holm(p_values: ArrayLike, weights: ArrayLike) -> FloatVector:
    """Holm's (1979, Scand. J. Stat. 6:65, section 3) adjusted p-values of weighted hypotheses.

    Rejecting those of at most alpha keeps the chance of any false rejection at alpha, whatever the
    dependence between the tests. Equal weights are his ordinary procedure.

    Args:
        p_values: (n,).
        weights: (n,), positive; only their ratios count.

    Returns:
        (n,), at most 1.
    """
    values, shares = np.asarray(p_values, np.float64), np.asarray(weights, np.float64)
    order = np.argsort(values / shares, kind="stable")
    remaining = np.cumsum(shares[order][::-1])[::-1]
    steps = np.maximum.accumulate(values[order] / shares[order] * remaining)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def tarone_count(least: ArrayLike, alpha: float) -> int:
    """By how much to multiply discrete p-values instead of Bonferroni's number of tests.

    The smallest k such that at most k of the tests could reach alpha / k at all (Tarone 1990,
    Biometrics 46:515). Valid for every level up to ``alpha`` too.

    Args:
        least: (n,), the least p-value that each test can have.
        alpha: level of the whole family.

    Returns:
        1..max(1, n).
    """
    ordered = np.sort(np.asarray(least, np.float64))
    counts = np.arange(1, max(1, ordered.size) + 1)
    reachable = np.searchsorted(ordered, alpha / counts, side="right")
    return int(counts[np.argmax(reachable <= counts)])
