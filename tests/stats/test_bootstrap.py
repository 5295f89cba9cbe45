from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stats.bootstrap import bootstrap_interval
from stats.percentiles import row_percentile


def test_bootstrap_covers_the_median_of_a_known_distribution() -> None:
    generator = np.random.default_rng(0)
    truth = stats.lognorm(0.5).median()
    hits = sum(
        truth
        in bootstrap_interval(
            generator.lognormal(0.0, 0.5, 60), row_percentile(50), resamples=400, seed=trial
        )
        for trial in range(400)
    )
    # 95 % of 400 is 380; the percentile bootstrap of a median covers 93 to 96 %.
    assert 0.91 <= hits / 400 <= 0.985


def test_bootstrap_agrees_with_scipy() -> None:
    samples = np.random.default_rng(1).gamma(5.0, size=200)
    ours = bootstrap_interval(samples, row_percentile(50), resamples=9999)
    theirs = stats.bootstrap(
        (samples,), np.median, method="percentile", n_resamples=9999, rng=2
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.1 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.1 * width)


def test_bootstrap_of_blocks_is_wider_where_neighbours_resemble_each_other() -> None:
    generator = np.random.default_rng(2)
    levels = generator.normal(10, 1, 30)
    samples = np.repeat(levels, 20) + generator.normal(0, 0.01, 600)
    alone = bootstrap_interval(samples, row_percentile(50))
    together = bootstrap_interval(samples, row_percentile(50), block=20)
    independent = bootstrap_interval(levels, row_percentile(50))
    assert together.width == pytest.approx(independent.width, rel=0.1)
    assert alone.width < 0.7 * independent.width
    assert bootstrap_interval(samples, row_percentile(50), block=20) == together
    with pytest.raises(ValueError, match="less than a block"):
        bootstrap_interval([1.0, 2.0], row_percentile(50), block=3)
