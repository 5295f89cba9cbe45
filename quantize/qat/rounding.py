"""Rounding to an int8 grid whose scale, and zero point, have gradients.

LSQ (arXiv:1902.08153, equations 2 and 3) and, with a zero point, LSQ+ (arXiv:2004.09576, equations
4 to 6). With v = x / s + z and q = clamp(round(v), qmin, qmax), y = (q - z) * s has

    dy/dx = 1 inside, 0 outside
    dy/ds = round(v) - v inside, qmin - z below, qmax - z above
    dy/dz = 0 inside, -s outside

where inside means that round(v) lies in [qmin, qmax]; round passes gradients straight through.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from quantize.qparams import QMAX, QMIN, WEIGHT_MAX


def gradient_factor(count: int, levels: int) -> float:
    """What LSQ multiplies a scale's gradient with: 1 / sqrt(count * levels) (section 2.2).

    ``count`` is the number of values that share the scale, of one image for activations;
    ``levels`` the number of steps to the far end of the grid.
    """
    return 1.0 / math.sqrt(count * levels)


def round_activation(x: Tensor, scale: Tensor, zero_point: Tensor) -> Tensor:
    """``x`` (float32, any shape with the batch first) on the int8 grid, exactly as
    :meth:`quantize.qparams.QParams.fake_quantize`.

    ``scale`` and ``zero_point`` are float32 scalars; the zero point is rounded here. Their
    gradients are LSQ's, times :func:`gradient_factor`.
    """
    result: Tensor = _RoundActivation.apply(x, scale, zero_point)
    return result


def round_weight(weight: Tensor, scale: Tensor, unit: Tensor) -> Tensor:
    """``weight`` (out, ...) on the int8 grids of ``scale`` (out,), symmetric to +-127, in ``unit``
    (out,): both are multiples of it.

    The result is an integer times (scale * unit), bit for bit what an int8 weight with that scale
    has: multiplied in another order, values that lie between two steps would round the other way.
    """
    result: Tensor = _RoundWeight.apply(weight, scale, unit)
    return result


def integer_weight(weight: Tensor, scale: Tensor) -> Tensor:
    """The integers of ``weight`` (out, ...), as float32 of its shape, that :func:`round_weight`
    multiplies with the scale (out,)."""
    return (weight / per_channel(scale, weight)).round_().clamp_(-WEIGHT_MAX, WEIGHT_MAX)


def per_channel(scale: Tensor, weight: Tensor) -> Tensor:
    """``scale`` (out,) in the shape that goes with ``weight`` (out, ...)."""
    return scale.reshape((-1,) + (1,) * (weight.ndim - 1))


def at_most(value: Tensor, limit: float) -> Tensor:
    """``value``, a scalar, but no more than ``limit``.

    Beyond it a gradient passes only if it leads back: descent could not return otherwise.
    """
    result: Tensor = _AtMost.apply(value, limit)
    return result


class _RoundActivation(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, zero_point: Tensor) -> Tensor:
        ctx.scale, ctx.zero_point = float(scale), round(float(zero_point))
        rounded, inside = torch.ops.aten.fake_quantize_per_tensor_affine_cachemask(
            x, ctx.scale, ctx.zero_point, QMIN, QMAX
        )
        ctx.save_for_backward(x, rounded, inside)
        assert isinstance(rounded, Tensor)
        return rounded

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        x, rounded, inside = ctx.saved_tensors
        scale, zero_point = ctx.scale, ctx.zero_point
        passed = grad * inside
        if not (ctx.needs_input_grad[1] or ctx.needs_input_grad[2]):
            return passed, None, None
        # rounded / s is q - z, and x / s is v - z: inside their difference is round(v) - v,
        # outside q - z alone is left.
        factor = gradient_factor(x[0].numel(), max(QMAX - zero_point, zero_point - QMIN))
        for_scale = (grad * (rounded - x * inside)).sum() * (factor / scale)
        for_zero_point = (passed.sum() - grad.sum()) * (factor * scale)
        return passed, for_scale, for_zero_point


class _RoundWeight(Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, scale: Tensor, unit: Tensor) -> Tensor:
        integers = integer_weight(weight, scale)
        ctx.save_for_backward(weight, scale, unit, integers)
        return integers * per_channel(scale * unit, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, scale, unit, integers = ctx.saved_tensors
        grad = grads[0] * per_channel(unit, weight)
        exact = weight / per_channel(scale, weight)
        inside = exact.round().abs() <= WEIGHT_MAX
        passed = grad * inside
        if not ctx.needs_input_grad[1]:
            return passed, None, None
        slope = integers - exact * inside
        factor = gradient_factor(weight[0].numel(), WEIGHT_MAX)
        return passed, (grad * slope).flatten(1).sum(1) * factor, None


class _AtMost(Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, limit: float) -> Tensor:
        ctx.beyond = bool(value > limit)
        return value.clamp(max=limit)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        return (grad.clamp(min=0) if ctx.beyond else grad), None
