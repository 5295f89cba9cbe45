"""Grids of values and weights, against brute force and hand calculation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from quantize.grids.histogram import BINS, COUNTED, Histogram, best_grid, sample
from quantize.grids.weights import LARGEST_BIAS, quantize_weight
from quantize.qparams import QParams, from_range


def test_from_range_holds_zero_and_both_ends() -> None:
    grid = from_range(0.0, 6.0)
    assert grid.zero_point == -128
    assert grid.scale == pytest.approx(6 / 255, rel=1e-6)
    assert (grid.low, grid.high) == (pytest.approx(0.0), pytest.approx(6.0, rel=1e-6))
    # All-positive ranges are widened to zero: padding and ReLU need it.
    assert from_range(2.0, 6.0) == grid
    assert from_range(-1.0, 1.0).zero_point in (0, -1)
    assert from_range(0.0, 0.0).scale > 0


def test_fake_quantize_is_round_and_saturate() -> None:
    grid = QParams(0.5, 10)
    x = torch.tensor([-100.0, -0.26, 0.0, 0.24, 0.26, 100.0])
    q = torch.clamp(torch.round(x / 0.5) + 10, -128, 127)
    assert torch.equal(grid.fake_quantize(x), (q - 10) * 0.5)


def _mean_squared_error(x: torch.Tensor, grid: QParams) -> float:
    return float((grid.fake_quantize(x) - x).double().square().mean())


@pytest.mark.parametrize("outlier", [0.0, 8.0, 40.0])
def test_best_grid_is_near_the_brute_force_optimum(outlier: float) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200_000, generator=generator)
    if outlier:
        x[0] = outlier
    low, high = float(x.min()), float(x.max())
    histogram = Histogram(low, high)
    histogram.update(x)
    found = _mean_squared_error(x, best_grid(histogram))
    factors = np.linspace(0.05, 1.0, 40)
    brute = min(
        _mean_squared_error(x, from_range(low * a, high * b))
        for a, b in itertools.product(factors, factors)
    )
    covering = _mean_squared_error(x, from_range(low, high))
    assert found <= 1.1 * brute
    assert found <= covering * 1.0001


def test_histogram_clamps_what_lies_outside() -> None:
    histogram = Histogram(0.0, 1.0)
    histogram.update(torch.tensor([-5.0, 0.5, 7.0]))
    assert histogram.counts.sum() == 3
    assert histogram.counts[0] == histogram.counts[-1] == 1


def test_a_histogram_grows_with_what_it_sees() -> None:
    generator = torch.Generator().manual_seed(0)
    batches = [
        scale * torch.randn(1, COUNTED, generator=generator) for scale in (1.0, 5.0, 0.1, 40)
    ]
    histogram = Histogram(-50.0)
    for batch in batches:
        histogram.update(batch)
    values = torch.cat(batches, 1)
    assert histogram.counts.sum() == values.numel()
    assert (histogram.low, histogram.high) == (float(values.min()), float(values.max()))
    assert histogram.extent == (max(-50.0, float(values.min())), float(values.max()))
    # No wider than three times what there is, and every value within a bin of where it was.
    edges = histogram.centers
    width = edges[1] - edges[0]
    assert width * BINS < 3 * (histogram.extent[1] - histogram.extent[0])
    seen = np.repeat(edges, histogram.counts.numpy().astype(int))
    exact = np.sort(values.clamp_min(-50.0).numpy().ravel())
    assert np.abs(seen - exact).max() <= width


def test_a_sample_meets_every_channel_alike() -> None:
    x = torch.arange(6.0).reshape(1, 6, 1, 1).expand(2, 6, 40, 40)
    taken = sample(x.contiguous(memory_format=torch.channels_last), 1000)
    assert 0.9 * 1000 <= len(taken) <= 1.2 * 1000
    counts = torch.bincount(taken.long())
    assert int(counts.max() - counts.min()) <= 1
    assert torch.equal(sample(x, 10**9), x.permute(0, 2, 3, 1).reshape(-1))


def test_not_a_number_counts_nothing() -> None:
    histogram = Histogram()
    histogram.update(torch.tensor([1.0, float("nan")]))
    assert not histogram.finite


def test_weight_search_beats_the_plain_scale_and_is_the_best_of_its_candidates() -> None:
    generator = torch.Generator().manual_seed(3)
    # Long tails (Laplace's), so that cutting them off pays; of few weights it rarely does.
    draw = torch.rand(6, 4096, generator=generator) - 0.5
    weight = -draw.sign() * torch.log1p(-2 * draw.abs())
    plain = quantize_weight(weight, None, 0.1, search=False)
    found = quantize_weight(weight, None, 0.1)
    error = [(w.dequantize() - weight).square().sum(1) for w in (plain, found)]
    assert bool((error[1] <= error[0] + 1e-9).all())
    assert float(error[1].sum()) < float(error[0].sum())
    for channel, factor in itertools.product(range(6), torch.linspace(0.8, 1.0, 21).tolist()):
        scale = float(weight[channel].abs().max()) / 127 * float(factor)
        q = torch.clamp(torch.round(weight[channel] / scale), -127, 127)
        tried = (q * scale - weight[channel]).square().sum()
        assert float(tried) >= float(error[1][channel]) - 1e-6


def test_bias_guard_keeps_the_int32_bias_in_range() -> None:
    weight, bias = torch.full((2, 1, 1, 1), 1e-7), torch.tensor([5.0, 0.0])
    quantized = quantize_weight(weight, bias, 0.01)
    assert float(bias[0] / (0.01 * quantized.scale[0])) <= LARGEST_BIAS * 1.001
    assert quantized.scale[1] < quantized.scale[0]


def test_dead_channel_stays_dead() -> None:
    weight = torch.zeros(2, 3, 1, 1)
    weight[1] = 1.0
    quantized = quantize_weight(weight, torch.tensor([0.3, 0.0]), 0.02)
    assert torch.equal(quantized.dequantize()[0], torch.zeros(3, 1, 1))
    assert torch.isfinite(quantized.scale).all()
    assert int(quantized.values[1].max()) == 127
