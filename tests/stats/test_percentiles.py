from __future__ import annotations

import statistics

import numpy as np
import pytest

from stats.percentiles import block_percentiles, percentile, round_medians


@pytest.mark.parametrize("count", [2, 7, 100])
def test_percentiles_are_the_standard_librarys(count: int) -> None:
    samples = np.random.default_rng(count).gamma(2.0, size=count)
    expected = statistics.quantiles(samples, n=100, method="inclusive")
    found = [percentile(samples, percent) for percent in range(1, 100)]
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_ends_are_the_extremes() -> None:
    assert [percentile([3.0, 1.0, 2.0], percent) for percent in (0, 100)] == [1.0, 3.0]
    assert percentile([5.0], 99) == 5.0


def test_percentile_by_hand() -> None:
    # Definition 7: rank (4 - 1) * 0.9 = 2.7 between 3 and 4.
    assert percentile([4, 1, 3, 2], 90) == pytest.approx(3.7)
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 50)
    with pytest.raises(ValueError, match="outside"):
        percentile([1.0], 101)


def test_round_medians_leave_out_an_unfinished_round() -> None:
    assert round_medians([3, 1, 2, 9, 7, 8, 5], 3).tolist() == [2, 8]
    assert round_medians([3, 1], 1).tolist() == [3, 1]


def test_block_percentiles_are_percentiles_of_each_block() -> None:
    samples = np.random.default_rng(16).gamma(2.0, size=43)
    found = block_percentiles(samples, 10, 10)
    assert found.tolist() == pytest.approx(
        [percentile(samples[start : start + 10], 10) for start in range(0, 40, 10)]
    )
