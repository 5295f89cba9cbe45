"""Paired tests against exact enumeration, scipy and normal theory."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from stats.paired import exchange_p, permutation_p, resample

GENERATOR = np.random.default_rng(0)


def test_permutations_against_all_of_them() -> None:
    values = np.array([0.3, -0.1, 0.25, 0.4, -0.05, 0.2, 0.15, 0.1])
    sums = np.array([np.dot(s, values) for s in itertools.product((-1, 1), repeat=len(values))])
    two_sided = float(np.mean(np.abs(sums) >= values.sum() - 1e-12))
    lower = float(np.mean(sums <= -values.sum() + 1e-12))
    assert permutation_p(values, resamples=20_000) == pytest.approx(two_sided, rel=0.15)
    assert permutation_p(-values, lower=True, resamples=20_000) == pytest.approx(lower, rel=0.2)
    assert permutation_p(values, lower=True) > 0.95
    assert permutation_p(np.zeros(9)) == 1.0


def test_p_values_are_even_where_nothing_differs() -> None:
    found = [
        permutation_p(GENERATOR.normal(size=40), resamples=200, seed=seed) for seed in range(300)
    ]
    assert 0.02 <= np.mean(np.array(found) <= 0.05) <= 0.09


def test_the_bootstrap_s_interval_is_that_of_the_mean() -> None:
    values = GENERATOR.normal(0.5, 0.2, 400)

    def mean(weights: NDArray[np.int64]) -> NDArray[np.float64]:
        assert np.all(weights.sum(1) == len(values))
        return np.asarray(weights @ values / len(values), np.float64)

    found = resample(mean, len(values))
    error = values.std() / np.sqrt(len(values))
    interval = found.interval()
    assert interval.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert interval.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)
    assert np.array_equal(resample(mean, len(values)).values, found.values)


def test_the_bootstrap_tells_which_side_of_zero() -> None:
    def of(shift: float) -> tuple[float, float]:
        values = GENERATOR.normal(0, 1, 100)
        values += shift - values.mean()
        found = resample(lambda weights: weights @ values / 100, 100, resamples=1000)
        return found.p_below(), found.p_other_than_zero()

    below, other = of(-0.5)
    assert below < 0.01 and other < 0.02
    below, other = of(0.0)
    assert 0.3 < below < 0.7 and other > 0.6
    assert of(0.5)[0] > 0.99
    with pytest.raises(ValueError):
        resample(lambda weights: weights @ np.zeros(0), 0)


def _mean_difference(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
    return lambda exchanged: np.asarray(((1 - 2 * exchanged) * (first - second)).mean(1))


def test_few_images_are_exchanged_in_every_way() -> None:
    first, second = np.array([3.0, 1.0, 2.0, 5.0]), np.array([1.0, 0.0, 1.5, 6.0])
    # Differences 2, 1, 0.5 and -1: of the sixteen sums six are as far from 0 as theirs, 2.5.
    signs = np.array([[1 - 2 * (i >> k & 1) for k in range(4)] for i in range(16)])
    sums = signs @ (first - second)
    by_hand = float(np.mean(np.abs(sums) >= 2.5))
    assert exchange_p(_mean_difference(first, second), 4) == by_hand
    lower = float(np.mean(sums <= 2.5))
    assert exchange_p(_mean_difference(first, second), 4, lower=True) == lower
    assert exchange_p(_mean_difference(first, first), 4) == 1.0
    with pytest.raises(ValueError, match="no images"):
        exchange_p(_mean_difference(first, second), 0)


def test_exchanged_means_are_the_permutation_test() -> None:
    first, second = GENERATOR.normal(0.2, 1, 60), GENERATOR.normal(0, 1, 60)
    found = exchange_p(_mean_difference(first, second), 60, resamples=20_000)
    expected = permutation_p(first - second, resamples=20_000, seed=1)
    assert found == pytest.approx(expected, abs=0.02) and 0.005 < expected < 0.9
