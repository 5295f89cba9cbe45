"""Checked against torch's own least squares, and against every rounding there is."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from quantize.corrections.least_squares import best_penalty, equations, round_to_grids

GENERATOR_SEED = 0


def _drawn(*shape: int, seed: int = GENERATOR_SEED) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _alike(rows: int, size: int, seed: int = GENERATOR_SEED) -> Tensor:
    """Inputs (1, rows, size) whose columns are alike, as neighbouring channels are."""
    return _drawn(1, rows, size, seed=seed) + 2 * _drawn(1, rows, 1, seed=seed + 1)


def test_a_solution_is_that_of_the_penalized_rows() -> None:
    inputs, errors = _drawn(2, 50, 6), _drawn(2, 50, 3, seed=1)
    found = equations(inputs, errors).solve(0.3)
    for group in range(2):
        size = 0.3 * inputs[group].double().square().sum(0).mean()
        rows = torch.cat([inputs[group].double(), size.sqrt() * torch.eye(6).double()])
        right = torch.cat([errors[group].double(), torch.zeros(6, 3).double()])
        assert torch.allclose(found[group], torch.linalg.lstsq(rows, right).solution, atol=1e-5)


def test_an_error_is_that_of_the_rows_less_that_of_no_change() -> None:
    inputs, errors, change = _drawn(1, 40, 5), _drawn(1, 40, 2, seed=1), _drawn(1, 5, 2, seed=2)
    left = (inputs @ change - errors).square().sum() - errors.square().sum()
    found = equations(inputs, errors).error(change.double())
    assert abs(found - float(left)) < 1e-3 * abs(float(left))


def test_what_both_halves_have_is_found_and_noise_is_not() -> None:
    inputs = _drawn(1, 400, 8)
    change, noise = _drawn(1, 8, 4, seed=1), _drawn(1, 400, 4, seed=2)

    def halves(errors: Tensor):  # type: ignore[no-untyped-def]
        return (
            equations(inputs[:, :200], errors[:, :200]),
            equations(inputs[:, 200:], errors[:, 200:]),
        )

    both = halves(inputs @ change + 0.1 * noise)
    found = best_penalty(both)
    assert found is not None
    assert torch.allclose((both[0] + both[1]).solve(found), change.double(), atol=0.15)
    both = halves(noise)
    found = best_penalty(both)
    assert found is None or float((both[0] + both[1]).solve(found).abs().max()) < 0.05


def test_without_correlation_rounding_is_to_the_nearest() -> None:
    weight, scale = _drawn(3, 4, 10).double(), torch.full((3, 4), 0.02).double()
    eye = torch.eye(10).double().expand(3, 10, 10)
    found = round_to_grids(weight, eye, scale)
    assert torch.equal(found, (weight / 0.02).round().clamp(-127, 127))


def test_rounding_comes_close_to_the_best_of_all_roundings() -> None:
    """Five weights have 32 roundings to a neighbour; so many can be tried."""
    greedy = nearest = best = 0.0
    for seed in range(20):
        weight = _drawn(1, 1, 5, seed=seed).double()
        inputs = _alike(100, 5, seed=100 + seed).double()
        hessian = inputs.transpose(1, 2) @ inputs
        scale = torch.full((1, 1), 0.1).double()

        def error(q: Tensor, weight=weight, hessian=hessian) -> float:  # type: ignore[no-untyped-def]
            left = q * 0.1 - weight
            return float((left @ hessian @ left.transpose(1, 2)).sum())

        down = (weight / 0.1).floor()
        trials = [down + torch.tensor(ups).double() for ups in itertools.product((0, 1), repeat=5)]
        best += min(error(trial) for trial in trials)
        nearest += error((weight / 0.1).round())
        greedy += error(round_to_grids(weight, hessian, scale))
    assert best <= greedy < 0.5 * nearest
    assert greedy < 2 * best


def test_rounding_takes_more_columns_than_a_block_and_stays_in_range() -> None:
    weight = _drawn(1, 6, 150).double()
    inputs = _alike(600, 150).double()
    hessian = inputs.transpose(1, 2) @ inputs
    scale = weight.abs().amax(2) / 100  # some leave the range on the way
    found = round_to_grids(weight, hessian, scale)
    assert torch.equal(found, found.round())
    assert float(found.abs().max()) <= 127

    def error(q: Tensor) -> float:
        left = q * scale[:, :, None] - weight
        return float((left @ hessian @ left.transpose(1, 2)).diagonal(dim1=1, dim2=2).sum())

    assert error(found) < 0.7 * error((weight / scale[:, :, None]).round())
