from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from runtime_bench.statistics import (
    Comparison,
    Interval,
    PairedOutcomes,
    _swap_p,
    block_percentiles,
    bootstrap_interval,
    compare_loads,
    judge_noise,
    median_ratio,
    percentile,
    round_medians,
    row_percentile,
    tarone_count,
    weighted_holm,
    wilson_interval,
    worse_p,
)


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


def test_swap_test_by_hand() -> None:
    # Four loads: of the 16 ways to swap, only the given one and its mirror leave the fastest of
    # the two sides so far apart.
    pairs = np.log([[2.0, 3.0, 2.5, 4.0], [1.0, 1.5, 1.2, 1.1]])
    assert _swap_p(pairs, 0.0) == pytest.approx(2 / 16)
    assert _swap_p(pairs, math.log(2.0)) == 1.0


def test_too_few_loads_say_nothing() -> None:
    found = compare_loads([2.0] * 5, [1.0] * 5, first_runs=1, second_runs=1)
    assert found.interval == Interval(0.0, math.inf) and not found.different


def test_the_interval_holds_what_the_swap_test_keeps() -> None:
    generator = np.random.default_rng(3)
    for loads in (6, 8, 12, 40):
        times = np.exp(generator.normal(0, 0.02, (2, loads)))
        times[0] *= 1.01
        found = compare_loads(*times, first_runs=1, second_runs=1)
        logs = np.log(times)
        for end, side in ((found.interval.low, -1), (found.interval.high, 1)):
            assert _swap_p(logs, math.log(end) - side * 2e-4) > 0.05
            assert _swap_p(logs, math.log(end) + side * 2e-4) <= 0.05
        assert found.different == (found.p_value <= 0.05)


def _nested(
    generator: np.random.Generator,
    ratio: float,
    load_effect: float,
    loads: int = 8,
    busy: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Two artefacts, (loads * 60,) each: 3 rounds a load, 20 runs a round.

    The machine's speed wanders by 30 %. A load is faster or slower by ``load_effect`` (standard
    deviation); in a part ``busy`` of the loads a neighbour slows the first by 20 to 50 % and the
    second by 10 to 20 % throughout; shorter contention lasts for a block and comes to a third of
    them; runs have a tail.
    """
    wander = np.exp(0.3 * np.cumsum(generator.normal(0, 0.3, loads)) / math.sqrt(loads))
    neighbour = generator.random(loads) < busy
    series = []
    for factor, slowest in ((ratio, 0.5), (1.0, 0.2)):
        load = wander * np.exp(generator.normal(0, load_effect, loads))
        load = load * (1 + neighbour * generator.uniform(slowest / 2.5, slowest, loads))
        hit = generator.random((loads, 3, 1)) < 1 / 3
        contention = 1 + np.where(hit, generator.exponential(0.2, (loads, 3, 1)), 0.0)
        runs = 1 + generator.gamma(2, 0.01, (loads, 3, 20))
        series.append((5e6 * factor * load[:, None, None] * contention * runs).ravel())
    return series[0], series[1]


def _compare(series: tuple[np.ndarray, np.ndarray]) -> Comparison:
    return compare_loads(*series, first_runs=60, second_runs=60)


def test_same_artefact_twice_is_rarely_called_different_unless_it_is_loaded_once() -> None:
    generator = np.random.default_rng(14)
    called = of_one_load = 0
    for _ in range(400):
        called += _compare(_nested(generator, 1.0, 0.03)).different
        # The same rounds with one load at their beginning, as in a session that never reloads.
        speeds = np.exp(generator.normal(0, 0.03, 2))
        first, second = _nested(generator, 1.0, 0.0)
        of_one_load += _compare((speeds[0] * first, speeds[1] * second)).different
    # At 5 % the count has a standard deviation of 4.4.
    assert called <= 20 + 2 * 4.4
    assert of_one_load > 100


def test_ratio_is_found_within_two_percent_on_a_wandering_machine() -> None:
    generator = np.random.default_rng(6)
    for _ in range(5):
        result = _compare(_nested(generator, 1.25, 0.003, loads=12))
        assert result.ratio == pytest.approx(1.25, rel=0.02)
        assert 1.25 in Interval(result.interval.low * 0.99, result.interval.high * 1.01)
        assert result.different
        assert result.p_value < 0.005
        assert result.loads == 12


def test_ratio_is_found_where_a_neighbour_slows_half_of_the_loads() -> None:
    generator = np.random.default_rng(15)
    found, medians = [], []
    for _ in range(200):
        series = _nested(generator, 1.5, 0.003, loads=16, busy=0.5)
        found.append(_compare(series))
        medians.append(float(np.median(series[0]) / np.median(series[1])))
    assert np.mean([1.5 in one.interval for one in found]) > 0.92
    errors = [
        np.percentile(np.abs(np.log(ratios) - math.log(1.5)), 90)
        for ratios in ([one.ratio for one in found], medians)
    ]
    assert errors[0] < 0.03 and errors[0] < errors[1] / 3


def test_loads_are_compared_by_the_first_percentile_of_the_fastest_quarter() -> None:
    # Of 101 runs the first percentile is the second smallest. Eight loads: the fastest two count.
    load = np.r_[1.0, 2.0, [3.0] * 98, 90.0]
    first = np.concatenate([load * factor for factor in (9, 8, 7, 6, 5, 4, 3, 1)])
    second = np.repeat([1.0, 9.0, 8.0, 7.0, 3.0, 6.0, 5.0, 4.0], 3)
    result = compare_loads(first, second, first_runs=101, second_runs=3)
    assert result.ratio == pytest.approx(2.0)
    assert result.loads == 8
    with pytest.raises(ValueError, match="8 loads against 4"):
        compare_loads(first, second, first_runs=101, second_runs=6)
    with pytest.raises(ValueError, match="positive"):
        compare_loads([0.0] * 6, [1.0] * 6, first_runs=1, second_runs=1)


def test_identical_series_do_not_differ() -> None:
    result = compare_loads([5.0] * 10, [5.0] * 10, first_runs=1, second_runs=1)
    assert (result.ratio, result.different, result.p_value) == (1.0, False, 1.0)


@pytest.mark.parametrize(
    ("draw", "noisy"),
    [
        (lambda g: g.normal(5.0, 0.05, 300), False),
        (lambda g: 5 + g.gamma(2, 0.05, 300), False),
        (lambda g: g.lognormal(0.0, 0.03, 300), False),
        (lambda g: np.full(50, 5.0), False),
        (lambda g: np.linspace(5.0, 5.5, 300) + g.normal(0, 0.05, 300), True),
        (lambda g: g.permutation(np.r_[g.normal(5, 0.05, 180), g.normal(6, 0.05, 120)]), True),
        (lambda g: np.where(g.random(300) < 0.1, 12.0, 5.0) + g.normal(0, 0.02, 300), True),
    ],
    ids=["normal", "gamma", "lognormal", "constant", "drift", "two speeds", "hiccups"],
)
def test_noise_verdicts(draw: object, noisy: bool) -> None:
    generator = np.random.default_rng(7)
    verdicts = [judge_noise(draw(generator)).noisy for _ in range(100)]  # type: ignore[operator]
    assert np.mean(verdicts) >= 0.98 if noisy else np.mean(verdicts) <= 0.02


def test_noise_says_what_it_found() -> None:
    drift = judge_noise(np.linspace(5.0, 5.6, 90))
    assert drift.drift == pytest.approx(5.5 / 5.1 - 1, rel=0.02)
    assert "drifted by +7" in drift.reasons[0]
    modes = judge_noise(np.tile([5.0, 5.01, 4.99, 6.0, 6.01, 5.99], 20))
    assert modes.modes == 2
    outliers = judge_noise([5.0] * 9 + [10.0])
    assert outliers.outliers == pytest.approx(0.1)
    with pytest.raises(ValueError, match="say nothing"):
        judge_noise([1.0, 2.0])


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (93, 100), (2000, 2000)])
def test_wilson_is_scipys(successes: int, trials: int) -> None:
    ours = wilson_interval(successes, trials)
    theirs = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert ours.as_tuple() == pytest.approx((theirs.low, theirs.high), abs=1e-12)


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
    assert outcomes.difference_interval().as_tuple() == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_difference_interval_covers() -> None:
    generator = np.random.default_rng(8)
    shares = np.array([0.86, 0.03, 0.02, 0.09])
    hits = sum(
        0.01 in PairedOutcomes(*map(int, generator.multinomial(500, shares))).difference_interval()
        for _ in range(2000)
    )
    assert 0.94 <= hits / 2000 <= 0.975


def test_difference_interval_of_equal_classifiers_is_symmetric() -> None:
    low, high = PairedOutcomes(90, 0, 0, 10).difference_interval().as_tuple()
    assert low == pytest.approx(-high)
    assert PairedOutcomes(100, 0, 0, 0).difference_interval().high < 0.06


def test_round_medians_leave_out_an_unfinished_round() -> None:
    assert round_medians([3, 1, 2, 9, 7, 8, 5], 3).tolist() == [2, 8]
    assert round_medians([3, 1], 1).tolist() == [3, 1]


def test_block_percentiles_are_percentiles_of_each_block() -> None:
    samples = np.random.default_rng(16).gamma(2.0, size=43)
    found = block_percentiles(samples, 10, 10)
    assert found.tolist() == pytest.approx(
        [percentile(samples[start : start + 10], 10) for start in range(0, 40, 10)]
    )


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


def test_worse_p_is_scipys_one_sided_binomial_test() -> None:
    for worse, better in [(0, 0), (0, 5), (1, 0), (5, 0), (7, 3), (3, 7), (130, 95), (900, 800)]:
        expected = 1.0
        if worse + better:
            tested = stats.binomtest(worse, worse + better, 0.5, alternative="greater")
            expected = tested.pvalue
        assert float(worse_p(worse, better)) == pytest.approx(expected, rel=1e-9)
    both = worse_p(np.array([[0, 7], [130, 3]]), np.array([[0, 3], [95, 7]]))
    assert both.shape == (2, 2) and both[0, 1] == float(worse_p(7, 3))


def test_weighted_holm_with_equal_weights_is_holms() -> None:
    # Sorted p-values times 4, 3, 2, 1, made monotone.
    found = weighted_holm([0.01, 0.04, 0.03, 0.005], [1, 1, 1, 1])
    assert found.tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert weighted_holm([0.5, 0.9], [1, 1]).tolist() == pytest.approx([1.0, 1.0])
    scaled = weighted_holm([0.01, 0.04, 0.03, 0.005], [7, 7, 7, 7])
    assert scaled.tolist() == pytest.approx(found.tolist())


def test_weighted_holm_by_hand() -> None:
    # p / weight is 0.025, 0.3, 0.08; in that order the weights that remain are 1, 0.6 and 0.1.
    found = weighted_holm([0.01, 0.03, 0.04], [0.4, 0.1, 0.5])
    assert found.tolist() == pytest.approx([0.025, 0.048, 0.048])


def test_weighted_holm_keeps_the_familys_level() -> None:
    generator = np.random.default_rng(13)
    weights = np.array([0.6, 0.2, 0.1, 0.1])
    false = np.mean(
        [bool(np.any(weighted_holm(generator.random(4), weights) <= 0.05)) for _ in range(4000)]
    )
    # Independent tests: 1 - prod(1 - 0.05 w) = 0.0492; its standard error here is 0.0034.
    assert 0.039 <= false <= 0.060


def test_tarone_counts_only_tests_that_could_be_significant() -> None:
    assert tarone_count([], 0.05) == 1
    assert tarone_count([1e-9] * 7, 0.05) == 7  # all could: Bonferroni
    assert tarone_count([0.5] * 100 + [0.001], 0.05) == 1
    # Two could reach 0.05, so k = 1 is too few; k = 2 suffices, however few reach 0.025.
    assert tarone_count([0.001, 0.02, 0.5], 0.05) == 2
    assert tarone_count([0.001, 0.04], 0.05) == 2
