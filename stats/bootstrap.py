"""Bootstrap intervals, of single samples or of blocks of neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from stats.interval import CONFIDENCE, FloatVector, Interval
from stats.percentiles import percentile_interval

RESAMPLES = 2000


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
    return percentile_interval(resampled(samples, statistic, block, resamples, seed), confidence)


def resampled(
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
