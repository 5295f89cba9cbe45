"""The gradients of rounding against the papers' formulas and against finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from quantize.qat.rounding import (
    at_most,
    gradient_factor,
    integer_weight,
    round_activation,
    round_weight,
)
from quantize.qparams import QParams

SCALE, ZERO_POINT = 0.05, 10
#: v - z = x / s = -200, -3.4, 0, 7.26, 300: below, inside three times, above.
VALUES = (-10.0, -0.17, 0.0, 0.363, 15.0)


def _gradients(x: Tensor, scale: float, zero_point: float) -> tuple[Tensor, Tensor, Tensor]:
    """dy/dx (N,), and dy/ds, dy/dz by value (N,), each divided by LSQ's factor."""
    columns: list[list[Tensor]] = []
    for index in range(len(x)):
        value = x.clone().reshape(1, -1).requires_grad_()
        s = torch.tensor(scale, requires_grad=True)
        z = torch.tensor(zero_point, requires_grad=True)
        round_activation(value, s, z)[0, index].backward()  # type: ignore[no-untyped-call]
        assert value.grad is not None and s.grad is not None and z.grad is not None
        levels = max(127 - round(zero_point), round(zero_point) + 128)
        factor = gradient_factor(len(x), levels)
        columns.append([value.grad[0, index], s.grad / factor, z.grad / factor])
    dx, ds, dz = (torch.stack([row[k] for row in columns]) for k in range(3))
    return dx, ds, dz


def test_forward_is_the_programs_rounding_bit_for_bit() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 3, 17, 17, generator=generator) * 4
    for scale, zero_point in ((0.031, -128), (0.0173, 3), (2.0**-20, 127)):
        grid = QParams(float(torch.tensor(scale)), zero_point)
        found = round_activation(x, torch.tensor(scale), torch.tensor(float(zero_point)))
        assert torch.equal(found, grid.fake_quantize(x))


def test_activation_gradients_are_the_papers() -> None:
    """By hand: arXiv:1902.08153 equation 3, arXiv:2004.09576 equations 4 to 6."""
    dx, ds, dz = _gradients(torch.tensor(VALUES), SCALE, float(ZERO_POINT))
    assert dx.tolist() == [0, 1, 1, 1, 0]
    # qmin - z below, round(v) - v inside (-3 + 3.4, 0, 7 - 7.26), qmax - z above.
    expected = [-128 - 10, 0.4, 0.0, -0.26, 127 - 10]
    assert ds.tolist() == pytest.approx(expected, abs=1e-4)
    assert dz.tolist() == pytest.approx([-SCALE, 0, 0, 0, -SCALE], abs=1e-7)


def test_gradients_agree_with_finite_differences_where_they_must() -> None:
    """Outside the grid y is smooth in s and z. Inside, LSQ differentiates the surrogate whose
    rounding error stands still: y = s * (c + x / s), c = round(v) - v at s."""

    def outside(x: float, s: float, z: float) -> float:
        return ((-128 if x < 0 else 127) - z) * s

    def surrogate(x: float, s: float) -> float:
        c = round(x / SCALE) - x / SCALE
        return s * (c + x / s)

    step = 1e-4
    _, ds, dz = _gradients(torch.tensor(VALUES), SCALE, float(ZERO_POINT))
    for index, x in enumerate(VALUES):
        if abs(x) > 5:
            up, down = outside(x, SCALE + step, ZERO_POINT), outside(x, SCALE - step, ZERO_POINT)
            moved = outside(x, SCALE, ZERO_POINT + step) - outside(x, SCALE, ZERO_POINT - step)
            assert float(dz[index]) == pytest.approx(moved / (2 * step), rel=1e-4)
        else:
            up, down = surrogate(x, SCALE + step), surrogate(x, SCALE - step)
        assert float(ds[index]) == pytest.approx((up - down) / (2 * step), rel=1e-3, abs=1e-3)


def test_weight_gradients_are_the_papers() -> None:
    weight = torch.tensor([[0.2, -0.33, 100.0], [0.0, 0.55, -100.0]], requires_grad=True)
    scale = torch.tensor([0.1, 0.2], requires_grad=True)
    upstream = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    unit = torch.tensor([1.0, 2.0])
    rounded = round_weight(weight, scale, unit)
    expected = torch.tensor([[0.2, -0.3, 12.7], [0.0, 1.2, -50.8]])
    assert torch.allclose(rounded, expected)
    rounded.backward(upstream)  # type: ignore[no-untyped-call]
    assert weight.grad is not None and scale.grad is not None
    assert weight.grad.tolist() == [[1, 2, 0], [8, 10, 0]]
    factor = 1 / math.sqrt(3 * 127)
    by_hand = [(0 * 1 + 0.3 * 2 + 127 * 3) * factor, 2 * (0 * 4 + 0.25 * 5 - 127 * 6) * factor]
    assert scale.grad.tolist() == pytest.approx(by_hand, rel=1e-5)
    integers = integer_weight(weight.detach(), scale.detach())
    assert integers.tolist() == [[2, -3, 127], [0, 3, -127]]


def test_frozen_scales_still_pass_gradients_on() -> None:
    x = torch.tensor([VALUES], requires_grad=True)
    round_activation(x, torch.tensor(SCALE), torch.tensor(10.0)).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None and x.grad.tolist() == [[0, 1, 1, 1, 0]]


@pytest.mark.parametrize(
    ("value", "push", "passed"),
    [(1.0, 1.0, 1.0), (1.0, -1.0, -1.0), (3.0, 1.0, 1.0), (3.0, -1.0, 0.0)],
)
def test_a_limit_lets_gradients_lead_back_only(value: float, push: float, passed: float) -> None:
    x = torch.tensor(value, requires_grad=True)
    limited = at_most(x, 2.0)
    (limited * push).backward()  # type: ignore[no-untyped-call]
    assert float(limited.detach()) == min(value, 2.0)
    assert x.grad is not None and float(x.grad) == passed
