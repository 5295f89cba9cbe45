from __future__ import annotations

import numpy as np
import pytest

from stats.percentiles import block_percentiles, percentile, round_medians


@pytest.mark.parametrize("percent", [0, 10, 50, 90, 99, 100])
@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_percentile_is_numpys_default(count: int, percent: float) -> None:
    samples = np.random.default_rng(count).gamma(2.0, size=count)
    assert percentile(samples, percent) == pytest.approx(np.percentile(samples, percent), rel=1e-12)


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
