"""The statistics of latency samples and of accuracies.

All intervals are 95 % unless told otherwise. Nothing here knows what a runtime is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

CONFIDENCE = 0.95
RESAMPLES = 2000
UNDISTURBED = 10
"""Percentile of a load's runs that counts as its undisturbed time. Not the minimum, which falls
with the number of runs; of int8 artefacts on an idle machine whose host is shared it repeated
within 1 % from one half second to the next, where medians differed by up to 10 %."""

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

    ``different`` is whether the interval leaves out 1; ``p_value`` is two-sided; ``rounds`` is how
    many pairs they are of, one a round or one a load.
    """

    ratio: float
    interval: Interval
    p_value: float
    rounds: int

    @property
    def different(self) -> bool:
        """Whether the two differ at the interval's confidence."""
        return 1.0 not in self.interval


def compare_rounds(
    first: ArrayLike,
    second: ArrayLike,
    *,
    first_block: int = 1,
    second_block: int = 1,
    confidence: float = CONFIDENCE,
    spread: float = 0.0,
) -> Comparison:
    """The ratio of two artefacts that were run in turn, round by round.

    Each round gives the logarithm of the ratio of its two medians; machine noise that lasts longer
    than a round cancels in it. The estimate is the Hodges-Lehmann median of the rounds' Walsh
    averages, the interval the one that inverts Wilcoxon's signed-rank test. Where both artefacts
    are the same and their order in a round is drawn by lot, the log ratios are symmetric about 0,
    and the chance of calling a difference is at most 1 - confidence, whatever the noise.

    Args:
        first: (rounds * first_block,) durations in the order they were taken.
        second: (rounds * second_block,) durations of the same rounds.
        first_block: runs a round of the first.
        second_block: runs a round of the second.
        confidence: in (0, 1).
        spread: standard deviation of what a series as a whole is faster or slower than it should
            be, as a logarithm; joins the rounds' error as in ``median_ratio``.

    Raises:
        ValueError: a different number of rounds, none at all, or a duration of 0 or less.
    """
    upper, lower = round_medians(first, first_block), round_medians(second, second_block)
    return _compare_pairs(upper, lower, "rounds", confidence, spread)


def compare_loads(
    first: ArrayLike,
    second: ArrayLike,
    *,
    first_runs: int,
    second_runs: int,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """The ratio of the undisturbed times of two artefacts that were loaded anew again and again.

    Each load gives the logarithm of the ratio of the two lower deciles of its runs: what disturbs
    a run only ever adds time, and may last for whole rounds, so low quantiles repeat where medians
    do not (Chen and Revels 2016, arXiv:1608.04295). The load is the unit, since what differs
    between two loads no number of runs of one can show (Kalibera and Jones 2013, ISMM). Estimate
    and interval are those of ``compare_rounds``, and so is what holds of the same artefact twice:
    the chance of calling a difference is at most 1 - confidence if both the loads and the rounds
    are in an order drawn by lot.

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
    return _compare_pairs(upper, lower, "loads", confidence)


def _compare_pairs(
    upper: FloatVector, lower: FloatVector, what: str, confidence: float, spread: float = 0.0
) -> Comparison:
    if upper.size != lower.size or not upper.size:
        raise ValueError(f"{upper.size} {what} against {lower.size}")
    if min(upper.min(), lower.min()) <= 0:
        raise ValueError("durations must be positive")
    logs = np.log(upper / lower)
    center, interval = hodges_lehmann(logs, confidence)
    p_value = 1.0
    if np.any(logs != 0):
        p_value = float(stats.wilcoxon(logs).pvalue)
    whole = float(stats.norm.ppf((1 + confidence) / 2)) * math.sqrt(2) * spread
    down = math.hypot(center - interval.low, whole)
    up = math.hypot(interval.high - center, whole)
    return Comparison(
        ratio=math.exp(center),
        interval=Interval(math.exp(center - down), math.exp(center + up)),
        p_value=p_value,
        rounds=int(logs.size),
    )


def hodges_lehmann(
    differences: ArrayLike, confidence: float = CONFIDENCE
) -> tuple[float, Interval]:
    """The centre of symmetry of paired differences and its Wilcoxon signed-rank interval.

    Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3.2-3.3. With fewer
    differences than the confidence needs (6 for 95 %) the interval is unbounded.
    """
    values = np.asarray(differences, np.float64).ravel()
    rows, columns = np.triu_indices(values.size)
    walsh = np.sort((values[rows] + values[columns]) / 2)
    center = percentile(walsh, 50)
    rank = _signed_rank_quantile(values.size, (1 - confidence) / 2)
    if rank < 1:
        return center, Interval(-math.inf, math.inf)
    return center, Interval(float(walsh[rank - 1]), float(walsh[walsh.size - rank]))


def _signed_rank_quantile(count: int, tail: float) -> int:
    """The largest r with P(W < r) <= tail, W the signed-rank statistic of ``count`` differences."""
    if count > 60:
        mean = count * (count + 1) / 4
        deviation = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        return math.floor(mean + float(stats.norm.ppf(tail)) * deviation)
    ways = np.zeros(count * (count + 1) // 2 + 1)
    ways[0] = 1.0
    for rank in range(1, count + 1):
        shifted = np.zeros_like(ways)
        shifted[rank:] = ways[:-rank]
        ways = (ways + shifted) / 2
    return int(np.searchsorted(np.cumsum(ways), tail, side="right"))


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
