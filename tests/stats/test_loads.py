from __future__ import annotations

import math

import numpy as np
import pytest

from stats.interval import Interval
from stats.loads import LoadComparison, _swap_p, compare_loads


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


def _compare(series: tuple[np.ndarray, np.ndarray]) -> LoadComparison:
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
