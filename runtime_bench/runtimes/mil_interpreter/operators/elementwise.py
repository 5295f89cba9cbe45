"""Functions of single values, of pairs of values, and of all values along axes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from runtime_bench.runtimes.mil_interpreter.call import Call
from runtime_bench.runtimes.mil_interpreter.operators.operator import (
    Operator,
    always,
    not_axis,
    only_x,
    same_rank,
)


def _unary(function: Callable[[Tensor], Tensor]) -> Operator:
    return Operator(lambda call: function(call.tensor("x")), always)


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return Operator(lambda call: function(call.tensor("x"), call.tensor("y")), same_rank)


def _reduction(function: Callable[[Tensor, list[int], bool], Tensor]) -> Operator:
    def reduce(call: Call) -> Tensor:
        x = call.tensor("x")
        axes = call.ints("axes") if call.has("axes") else list(range(x.ndim))
        return function(x, axes, call.flag("keep_dims"))

    return Operator(reduce, not_axis("axes"))


def _shifted(function: Callable[[Tensor], Tensor], epsilon: float) -> Operator:
    """A function of x and a small number, ``epsilon`` where none is given, together."""
    return Operator(
        lambda call: function(
            call.tensor("x") + (call.number("epsilon") if call.has("epsilon") else epsilon)
        ),
        always,
    )


def _cumulative_sum(call: Call) -> Tensor:
    x, axis = call.tensor("x"), call.integer("axis", 0)
    backwards = call.flag("reverse")
    summed = (x.flip(axis) if backwards else x).cumsum(axis)
    if call.flag("exclusive"):
        summed = summed - (x.flip(axis) if backwards else x)
    return summed.flip(axis) if backwards else summed


def _prelu(call: Call) -> Tensor:
    x = call.tensor("x")
    slopes = call.tensor("alpha").reshape(1, -1, *[1] * (x.ndim - 2))
    return torch.where(x > 0, x, x * slopes)


def _linear_activation(call: Call) -> Tensor:
    return call.tensor("x") * call.number("alpha") + call.number("beta")


def _scaled_tanh(call: Call) -> Tensor:
    return call.number("alpha") * torch.tanh(call.tensor("x") * call.number("beta"))


def _clamped_relu(call: Call) -> Tensor:
    return functional.leaky_relu(call.tensor("x"), call.number("alpha")).clamp_max(
        call.number("beta")
    )


def gelu(call: Call) -> Tensor:
    """x times the normal distribution's function of x, or one of two approximations."""
    x, mode = call.tensor("x"), call.text("mode") if call.has("mode") else "EXACT"
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    return functional.gelu(x, approximate="none" if mode == "EXACT" else "tanh")


def _hard_sigmoid(call: Call) -> Tensor:
    scaled = call.tensor("x") * call.number("alpha")
    return scaled.add_(call.number("beta")).clamp_(0.0, 1.0)


ELEMENTWISE: dict[str, Operator] = {
    "abs": _unary(torch.abs),
    "acos": _unary(torch.acos),
    "add": _binary(torch.add),
    "asin": _unary(torch.asin),
    "atan": _unary(torch.atan),
    "atanh": _unary(torch.atanh),
    "clamped_relu": Operator(_clamped_relu, always),
    "clip": Operator(
        lambda call: call.tensor("x").clamp(call.number("alpha"), call.number("beta")), always
    ),
    "cos": _unary(torch.cos),
    "cosh": _unary(torch.cosh),
    "cumsum": Operator(_cumulative_sum, not_axis("axis")),
    "elu": Operator(lambda call: functional.elu(call.tensor("x"), call.number("alpha")), always),
    "equal": _binary(torch.eq),
    "erf": _unary(torch.erf),
    "exp": _unary(torch.exp),
    "exp2": _unary(torch.exp2),
    "gelu": Operator(gelu, always),
    "greater": _binary(torch.gt),
    "greater_equal": _binary(torch.ge),
    "identity": _unary(lambda x: x),
    "inverse": _shifted(torch.reciprocal, 1e-4),
    "leaky_relu": Operator(
        lambda call: functional.leaky_relu(call.tensor("x"), call.number("alpha")), always
    ),
    "less": _binary(torch.lt),
    "less_equal": _binary(torch.le),
    "linear_activation": Operator(_linear_activation, always),
    "log": _shifted(torch.log, 1e-45),
    "logical_and": _binary(torch.logical_and),
    "logical_not": _unary(torch.logical_not),
    "logical_or": _binary(torch.logical_or),
    "maximum": _binary(torch.maximum),
    "minimum": _binary(torch.minimum),
    "mul": _binary(torch.mul),
    "not_equal": _binary(torch.ne),
    "pow": _binary(torch.pow),
    "prelu": Operator(_prelu, only_x),
    "real_div": _binary(torch.div),
    "reduce_l1_norm": _reduction(lambda x, axes, keep: torch.linalg.vector_norm(x, 1, axes, keep)),
    "reduce_l2_norm": _reduction(lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep)),
    "reduce_log_sum_exp": _reduction(lambda x, axes, keep: torch.logsumexp(x, axes, keep)),
    "reduce_max": _reduction(lambda x, axes, keep: torch.amax(x, axes, keep)),
    "reduce_mean": _reduction(lambda x, axes, keep: torch.mean(x, axes, keep)),
    "reduce_min": _reduction(lambda x, axes, keep: torch.amin(x, axes, keep)),
    "reduce_sum": _reduction(lambda x, axes, keep: torch.sum(x, axes, keep)),
    "reduce_sum_square": _reduction(lambda x, axes, keep: torch.sum(x * x, axes, keep)),
    "relu": _unary(functional.relu),
    "relu6": _unary(functional.relu6),
    "round": _unary(torch.round),
    "rsqrt": _shifted(torch.rsqrt, 1e-12),
    "scaled_tanh": Operator(_scaled_tanh, always),
    "select": Operator(
        lambda call: torch.where(call.tensor("cond"), call.tensor("a"), call.tensor("b")), same_rank
    ),
    "sigmoid": _unary(torch.sigmoid),
    "sigmoid_hard": Operator(_hard_sigmoid, always),
    "sign": _unary(torch.sign),
    "silu": _unary(functional.silu),
    "sin": _unary(torch.sin),
    "sinh": _unary(torch.sinh),
    "softmax": Operator(
        lambda call: torch.softmax(call.tensor("x"), call.integer("axis")), not_axis("axis")
    ),
    "softplus": _unary(lambda x: functional.softplus(x, threshold=50)),
    "softsign": _unary(functional.softsign),
    "sqrt": _unary(torch.sqrt),
    "square": _unary(torch.square),
    "sub": _binary(torch.sub),
    "tan": _unary(torch.tan),
    "tanh": _unary(torch.tanh),
    "threshold": Operator(lambda call: call.tensor("x").clamp_min(call.number("alpha")), always),
    "thresholded_relu": Operator(
        lambda call: torch.where(
            call.tensor("x") >= call.number("alpha"), call.tensor("x"), torch.zeros(())
        ),
        always,
    ),
}
