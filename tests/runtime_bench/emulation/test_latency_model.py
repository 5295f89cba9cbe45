from __future__ import annotations

import numpy as np
import pytest

from runtime_bench.emulation.latency_model import LatencyModel, LatencyPoint, fit_latency
from zoo.errors import InputError


def points(cycles: np.ndarray, milliseconds: np.ndarray) -> list[LatencyPoint]:
    return [
        LatencyPoint(network=f"n{i}", cycles=c, milliseconds=m)
        for i, (c, m) in enumerate(zip(cycles, milliseconds, strict=True))
    ]


def test_an_exact_scale_is_found() -> None:
    cycles = np.array([1e6, 4e6, 9e7])
    fit = fit_latency("phone", "cortex-a76", points(cycles, cycles * 2.5e-7))
    assert fit.scale == pytest.approx(2.5e-7)
    assert fit.leave_one_out == pytest.approx([0, 0, 0], abs=1e-12)
    estimate = fit.estimate(1e7)
    assert (*estimate.interval, estimate.milliseconds) == pytest.approx((2.5, 2.5, 2.5))


def test_leave_one_out_is_a_fit_without_the_point() -> None:
    generator = np.random.default_rng(0)
    cycles = generator.uniform(1e6, 1e8, 5)
    times = cycles * 3e-7 * np.exp(generator.normal(0, 0.1, 5))
    all_points = points(cycles, times)
    fit = fit_latency("phone", "cortex-a76", all_points)
    for index, left_out in enumerate(all_points):
        others = fit_latency("phone", "cortex-a76", all_points[:index] + all_points[index + 1 :])
        error = others.scale * left_out.cycles / left_out.milliseconds - 1
        assert fit.leave_one_out[index] == pytest.approx(error)


def test_the_interval_holds_a_new_network_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    held = 0
    trials = 2000
    for _ in range(trials):
        cycles = generator.uniform(1e6, 1e8, 5)
        times = cycles * 3e-7 * np.exp(generator.normal(0, 0.1, 5))
        fit = fit_latency("phone", "cortex-a76", points(cycles[:4], times[:4]))
        estimate = fit.estimate(cycles[4])
        held += times[4] in estimate.interval
    # 95 %, and three standard deviations of a binomial of 2000.
    assert abs(held / trials - 0.95) < 3 * (0.95 * 0.05 / trials) ** 0.5


def test_few_points_are_refused_and_files_are_read_back() -> None:
    cycles = np.array([1e6, 4e6, 9e6])
    some = points(cycles, cycles)
    with pytest.raises(InputError, match="at least 3 measured networks, not 2"):
        fit_latency("phone", "cortex-a76", some[:2])
    fit = fit_latency("phone", "cortex-a76", some)
    assert LatencyModel.model_validate_json(fit.model_dump_json()) == fit
