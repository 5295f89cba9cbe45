"""Two predictors on the same images, by figures that are no counts of right answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stats.bootstrap import RESAMPLES
from stats.interval import CONFIDENCE, FloatVector, Interval
from stats.percentiles import percentile_interval

Statistic = Callable[[NDArray[np.int64]], FloatVector]
"""A figure of a number of images by draws, (draws,), of weights (draws, images): how often each
image counts in each draw."""
_SLACK = 1e-12  # rounding must not tell apart what is equal
_PORTION = 4_000_000  # images of draws that are looked at together, which keeps memory small


@dataclass(frozen=True)
class Resampled:
    """A figure of images drawn again and again with replacement, (resamples,)."""

    values: FloatVector

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """The percentile interval."""
        return percentile_interval(self.values, confidence)

    def minus(self, other: Resampled) -> Resampled:
        """The difference from another figure of the same draws."""
        return Resampled(self.values - other.values)

    def p_below(self) -> float:
        """One-sided p-value that the figure is not below 0: the share of the draws in which it is
        not, at least one in all of them (Davison and Hinkley 1997, section 4.2)."""
        return float((1 + np.sum(self.values >= 0)) / (1 + len(self.values)))

    def p_above(self) -> float:
        """One-sided p-value that the figure is not above 0, likewise."""
        return float((1 + np.sum(self.values <= 0)) / (1 + len(self.values)))

    def p_other_than_zero(self) -> float:
        """Two-sided p-value that the figure is 0."""
        return min(1.0, 2 * min(self.p_below(), self.p_above()))


def resample(
    statistic: Statistic, images: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Resampled:
    """The bootstrap of a figure over ``images`` images; the same seed draws the same images, so
    that two figures of them are paired.

    Raises:
        ValueError: no images.
    """
    if images < 1:
        raise ValueError("no images to draw from")
    if images * resamples <= _PORTION:
        return Resampled(statistic(_all_at_once(images, resamples, seed)))
    return Resampled(np.concatenate([*map(statistic, _portions(images, resamples, seed))]))


@lru_cache(maxsize=1)
def _all_at_once(images: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """The one portion that there is, the same array each time: figures may know it again."""
    (weights,) = _portions(images, resamples, seed)
    weights.flags.writeable = False
    return weights


def _portions(images: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """How often each image counts in each draw, (draws, images), some draws at a time."""
    generator = np.random.default_rng(seed)
    portion = max(1, _PORTION // images)
    for start in range(0, resamples, portion):
        rows = min(portion, resamples - start)
        drawn = generator.integers(0, images, (rows, images))
        drawn += images * np.arange(rows)[:, None]  # a count of its own for each draw
        yield np.bincount(drawn.ravel(), minlength=rows * images).reshape(rows, images)


def resample_difference(first: Statistic, second: Statistic, images: int) -> Resampled:
    """:func:`resample` of the first figure minus the second, both of the same draws."""
    return resample(first, images).minus(resample(second, images))


def exchange_p(
    difference: Statistic,
    images: int,
    *,
    lower: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> float:
    """p-value of the paired exchange test that two predictors are alike, by any figure of all
    images together.

    If they are, what they made of an image may change hands (Fisher 1935; for figures of a corpus
    Noreen 1989, section 2.1). All exchanges are looked at where there are few, as for 8 images,
    else ``resamples`` that are drawn, the data as they are counting as one more.

    Args:
        difference: of the two figures, (draws,), the first's minus the second's, where the images
            that are 1 in ``exchanged`` (draws, images) have changed hands.
        images: how many.
        lower: one-sided, that the difference is not below 0; else two-sided.
        resamples: how many times to draw.
        seed: of the draws.

    Raises:
        ValueError: no images.
    """
    if images < 1:
        raise ValueError("no images to exchange")
    seen = float(difference(np.zeros((1, images), np.int64))[0])

    def extreme(exchanged: NDArray[np.int64]) -> int:
        found = difference(exchanged)
        beyond = found <= seen + _SLACK if lower else np.abs(found) >= abs(seen) - _SLACK
        return int(np.sum(beyond))

    if 2**images <= resamples:
        every = np.arange(2**images)[:, None] >> np.arange(images) & 1
        return extreme(every) / len(every)
    generator, found = np.random.default_rng(seed), 1
    portion = max(1, _PORTION // images)
    for start in range(0, resamples, portion):
        rows = min(portion, resamples - start)
        found += extreme(generator.integers(0, 2, (rows, images)))
    return min(1.0, found / (1 + resamples))


def permutation_p(
    differences: ArrayLike, *, lower: bool = False, resamples: int = RESAMPLES, seed: int = 0
) -> float:
    """p-value of the paired permutation test that images differ either way alike.

    Each image's difference keeps its size and changes its sign at random (Fisher 1935); the data
    as they are count as one draw.

    Args:
        differences: of the images, (images,).
        lower: one-sided, that the mean is not below 0; else two-sided.
        resamples: how many times to draw.
        seed: of the draws.
    """
    values = np.asarray(differences, np.float64)
    values = values[values != 0]
    if not values.size:
        return 1.0
    generator = np.random.default_rng(seed)
    seen = float(values.sum())
    extreme = 1
    portion = max(1, _PORTION // values.size)
    # Rounding must not tell apart what is equal.
    slack = 1e-12 * float(np.abs(values).sum())
    for start in range(0, resamples, portion):
        rows = min(portion, resamples - start)
        signs = generator.integers(0, 2, (rows, values.size), dtype=np.int8) * 2 - 1
        sums = signs @ values
        found = sums <= seen + slack if lower else np.abs(sums) >= abs(seen) - slack
        extreme += int(np.sum(found))
    return min(1.0, extreme / (1 + resamples))
