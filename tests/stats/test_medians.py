from __future__ import annotations

import math

import numpy as np
import pytest

from stats.medians import median_ratio


@pytest.mark.parametrize("spread", [0.0, 0.05])
def test_median_ratio_covers_the_truth_of_two_sessions(spread: float) -> None:
    generator = np.random.default_rng(11)
    trials, truth = 400, 1.25
    hits = 0
    for trial in range(trials):
        speeds = np.exp(generator.normal(0, spread, 2)) if spread else np.ones(2)
        first, second = (
            speed * factor * generator.lognormal(0.0, 0.05, 25)
            for speed, factor in zip(speeds, (truth, 1.0), strict=True)
        )
        found = median_ratio(first, second, spread=spread, resamples=300, seed=trial)
        hits += truth in found.interval
    assert 0.92 <= hits / trials <= 0.99


def test_median_ratio_by_hand_and_its_standard_error() -> None:
    generator = np.random.default_rng(12)
    first, second = generator.lognormal(0.2, 0.1, 400), generator.lognormal(0.0, 0.1, 400)
    found = median_ratio(first, second)
    assert found.ratio == pytest.approx(np.median(first) / np.median(second))
    # Of the median of n normal logs: sigma sqrt(pi / (2 n)), on both sides.
    assert found.log_error == pytest.approx(0.1 * math.sqrt(math.pi / 400), rel=0.15)
    wider = median_ratio(first, second, spread=0.1)
    assert wider.log_error == pytest.approx(math.hypot(found.log_error, math.sqrt(2) * 0.1))
    assert wider.interval.low < found.interval.low < found.interval.high < wider.interval.high
    constant = median_ratio([2.0, 2.0], [1.0, 1.0])
    assert constant.ratio == constant.interval.low == constant.interval.high == 2.0
    for bad in ([], [0.0], [-1.0]):
        with pytest.raises(ValueError, match="positive"):
            median_ratio(bad, [1.0])
