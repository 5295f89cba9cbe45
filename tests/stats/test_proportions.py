from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from stats.proportions import PairedOutcomes, wilson_interval, worse_p


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (93, 100), (2000, 2000)])
def test_wilson_is_scipys(successes: int, trials: int) -> None:
    ours = wilson_interval(successes, trials)
    theirs = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilson_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="of 0 trials"):
        wilson_interval(0, 0)


def test_paired_outcomes_are_counted() -> None:
    outcomes = PairedOutcomes.of([True, True, False, False, True], [True, False, True, False, True])
    assert outcomes == PairedOutcomes(both=2, first_only=1, second_only=1, neither=1)
    with pytest.raises(ValueError, match="outcomes of"):
        PairedOutcomes.of([True], [True, False])


@pytest.mark.parametrize(("first", "second"), [(0, 0), (5, 5), (12, 2), (1, 30)])
def test_mcnemar_is_the_exact_binomial(first: int, second: int) -> None:
    outcomes = PairedOutcomes(100, first, second, 7)
    total, fewer = first + second, min(first, second)
    tail = 2 * sum(math.comb(total, k) for k in range(fewer + 1)) / 2**total
    assert outcomes.mcnemar_p() == pytest.approx(min(1.0, tail))


def test_difference_interval_of_newcombes_paper() -> None:
    # Newcombe 1998, Stat. Med. 17:2635, table III, method 10, (36, 12, 2, 0).
    outcomes = PairedOutcomes(36, 12, 2, 0)
    assert outcomes.difference == pytest.approx(0.2)
    assert outcomes.difference_interval() == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_difference_interval_covers() -> None:
    generator = np.random.default_rng(8)
    shares = np.array([0.86, 0.03, 0.02, 0.09])
    hits = sum(
        0.01 in PairedOutcomes(*map(int, generator.multinomial(500, shares))).difference_interval()
        for _ in range(2000)
    )
    assert 0.94 <= hits / 2000 <= 0.975


def test_difference_interval_of_equal_classifiers_is_symmetric() -> None:
    low, high = PairedOutcomes(90, 0, 0, 10).difference_interval()
    assert low == pytest.approx(-high)
    assert PairedOutcomes(100, 0, 0, 0).difference_interval().high < 0.06


def test_worse_p_is_scipys_one_sided_binomial_test() -> None:
    for worse, better in [(0, 0), (0, 5), (1, 0), (5, 0), (7, 3), (3, 7), (130, 95), (900, 800)]:
        expected = 1.0
        if worse + better:
            tested = stats.binomtest(worse, worse + better, 0.5, alternative="greater")
            expected = tested.pvalue
        assert float(worse_p(worse, better)) == pytest.approx(expected, rel=1e-9)
    both = worse_p(np.array([[0, 7], [130, 3]]), np.array([[0, 3], [95, 7]]))
    assert both.shape == (2, 2) and both[0, 1] == float(worse_p(7, 3))
