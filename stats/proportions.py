"""Proportions, and two classifiers on the same images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from stats.interval import CONFIDENCE, FloatVector, Interval


def wilson_interval(successes: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927), without continuity correction.

    Raises:
        ValueError: no trials, or successes outside 0..trials.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    z = float(special.ndtri((1 + confidence) / 2))
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
        from scipy import stats  # a second that most commands need not wait for

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
