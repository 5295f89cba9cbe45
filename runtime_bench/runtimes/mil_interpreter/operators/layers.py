"""Convolution, pooling, products and normalization."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor
from torch.nn import functional

from runtime_bench.runtimes.mil_interpreter.call import Call, Operation
from runtime_bench.runtimes.mil_interpreter.operators.operator import (
    Operator,
    always,
    first_value,
    not_axis,
    only_x,
)


def _rows_of_x(operation: Operation, ranks: dict[str, int]) -> bool:
    # (N, K) times a constant (K, M): rows are images. Transposing x would mix them.
    transposed = bool(first_value(operation.arguments.get("transpose_x", False)))
    return set(ranks) == {"x"} and ranks["x"] >= 2 and not (transposed and ranks["x"] == 2)


def conv(call: Call) -> Tensor:
    """2-d convolution, NCHW, weight (out, in / groups, height, width)."""
    x, weight = call.tensor("x"), call.tensor("weight")
    strides, dilations = call.ints("strides"), call.ints("dilations")
    x, padding = _padded(call, x, list(weight.shape[2:]), strides, dilations, 0.0)
    return functional.conv2d(
        x, weight, call.optional("bias"), strides, padding, dilations, call.integer("groups")
    )


def avg_pool(call: Call) -> Tensor:
    """2-d average; padding counts unless ``exclude_padding_from_average``."""
    x, kernel, strides = _pool_arguments(call)
    # The number of averaged elements under each window, from a plane of ones.
    ones = torch.ones_like(x[:1, :1])
    if call.flag("ceil_mode") and not call.flag("exclude_padding_from_average"):
        # Whether what lies beyond the padding counts, its definition does not say.
        raise NotImplementedError("ceil_mode with padding in the average")
    x, padding = _padded(call, x, kernel, strides, [1, 1], 0.0)
    sums = functional.avg_pool2d(x, kernel, strides, padding, divisor_override=1)
    if not call.flag("exclude_padding_from_average"):
        return sums / prod(kernel)
    ones, padding = _padded(call, ones, kernel, strides, [1, 1], 0.0)
    return sums / functional.avg_pool2d(ones, kernel, strides, padding, divisor_override=1)


def max_pool(call: Call) -> Tensor:
    """2-d maximum."""
    x, kernel, strides = _pool_arguments(call)
    x, padding = _padded(call, x, kernel, strides, [1, 1], float("-inf"))
    return functional.max_pool2d(x, kernel, strides, padding)


def _pool_arguments(call: Call) -> tuple[Tensor, list[int], list[int]]:
    kernel = call.ints("kernel_sizes")
    strides = call.ints("strides") if call.has("strides") else [1] * len(kernel)
    return call.tensor("x"), kernel, strides


def _padded(
    call: Call,
    x: Tensor,
    kernel: list[int],
    strides: list[int],
    dilations: list[int],
    value: float,
) -> tuple[Tensor, list[int]]:
    """The input with its padding, either made here or left to torch where it is symmetric."""
    kind = call.text("pad_type") if call.has("pad_type") else "valid"
    sides = [(0, 0)] * len(kernel)
    if kind == "custom":
        pad = call.ints("pad")
        sides = list(zip(pad[::2], pad[1::2], strict=True))
    elif kind in ("same", "same_lower"):
        sides = []
        for size, length, stride, dilation in zip(
            x.shape[2:], kernel, strides, dilations, strict=True
        ):
            reach = dilation * (length - 1) + 1
            total = max(0, (-(-size // stride) - 1) * stride + reach - size)
            less, more = total // 2, total - total // 2
            sides.append((less, more) if kind == "same" else (more, less))
    elif kind != "valid":
        raise NotImplementedError(f"pad_type {kind}")
    if call.flag("ceil_mode"):
        made = call.operation.shapes[0][2:]
        sides = [
            (low, max(high, (count - 1) * stride + length - size - low))
            for (low, high), count, stride, length, size in zip(
                sides, made, strides, kernel, x.shape[2:], strict=True
            )
        ]
    # torch's convolution and its average pooling pad symmetrically; the latter by at most half a
    # kernel.
    half = all(2 * low <= size for (low, _), size in zip(sides, kernel, strict=True))
    symmetric = all(low == high for low, high in sides)
    if symmetric and value == 0.0 and (half or call.operation.kind == "conv"):
        return x, [low for low, _ in sides]
    flat = [amount for side in reversed(sides) for amount in side]
    return functional.pad(x, flat, value=value), [0] * len(kernel)


def linear(call: Call) -> Tensor:
    """X times the transposed weight (out, in), plus bias."""
    return functional.linear(call.tensor("x"), call.tensor("weight"), call.optional("bias"))


def matmul(call: Call) -> Tensor:
    """Matrix product with optional transposition of the last two axes."""
    x, y = call.tensor("x"), call.tensor("y")
    x = x.transpose(-1, -2) if call.flag("transpose_x") else x
    y = y.transpose(-1, -2) if call.flag("transpose_y") else y
    return x @ y


def batch_norm(call: Call) -> Tensor:
    """Normalization by stored statistics, axis 1."""
    return functional.batch_norm(
        call.tensor("x"),
        call.tensor("mean"),
        call.tensor("variance"),
        call.optional("gamma"),
        call.optional("beta"),
        eps=call.number("epsilon"),
    )


def layer_norm(call: Call) -> Tensor:
    """Normalization over the last axes."""
    x = call.tensor("x")
    axes = sorted(axis % x.ndim for axis in call.ints("axes"))
    if axes != list(range(axes[0], x.ndim)):
        raise NotImplementedError(f"axes {axes}")
    epsilon = call.number("epsilon") if call.has("epsilon") else 1e-5
    shape = list(x.shape[axes[0] :])
    gamma, beta = call.optional("gamma"), call.optional("beta")
    return functional.layer_norm(x, shape, gamma, beta, epsilon)


def instance_norm(call: Call) -> Tensor:
    """Normalization of each channel of an image by itself."""
    epsilon = call.number("epsilon") if call.has("epsilon") else 1e-5
    gamma, beta = call.optional("gamma"), call.optional("beta")
    return functional.instance_norm(call.tensor("x"), weight=gamma, bias=beta, eps=epsilon)


LAYERS: dict[str, Operator] = {
    "avg_pool": Operator(avg_pool, always),
    "batch_norm": Operator(batch_norm, always),
    "conv": Operator(conv, only_x),
    "instance_norm": Operator(instance_norm, only_x),
    "layer_norm": Operator(layer_norm, not_axis("axes")),
    "linear": Operator(linear, only_x),
    "matmul": Operator(matmul, _rows_of_x),
    "max_pool": Operator(max_pool, always),
}
