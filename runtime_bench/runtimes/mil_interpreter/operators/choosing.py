"""Operators that compare, round and choose values."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from runtime_bench.runtimes.mil_interpreter.call import Call, Operation
from runtime_bench.runtimes.mil_interpreter.operators.operator import (
    Operator,
    always,
    not_axis,
    same_rank,
)


def _comparison(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return Operator(lambda call: function(call.tensor("x"), call.tensor("y")), same_rank)


def _along_own_axis(operation: Operation, ranks: dict[str, int]) -> bool:
    return same_rank(operation, ranks) and not_axis("axis")(operation, ranks)


def topk(call: Call) -> tuple[Tensor, ...]:
    """The ``k`` largest (or smallest) along an axis in order, and where they were."""
    if not call.flag("sort", default=True):
        raise NotImplementedError("topk without an order")
    largest = not call.flag("ascending")
    axis = call.integer("axis", -1)
    values, places = torch.topk(call.tensor("x"), call.integer("k"), axis, largest=largest)
    return (values, places) if call.flag("return_indices", default=True) else (values,)


def reduce_argmax(call: Call) -> Tensor:
    """Where along an axis the largest element is, the first of equal ones."""
    found = call.tensor("x").max(call.integer("axis", -1), keepdim=call.flag("keep_dims"))
    return found.indices.to(torch.int32)


def gather_along_axis(call: Call) -> Tensor:
    """Those elements along an axis that indices of the same rank name."""
    x, axis = call.tensor("x"), call.integer("axis", 0)
    return torch.gather(x, axis, call.tensor("indices").long() % x.shape[axis])


CHOOSING: dict[str, Operator] = {
    "ceil": Operator(lambda call: call.tensor("x").ceil(), always),
    "equal": _comparison(torch.eq),
    "floor": Operator(lambda call: call.tensor("x").floor(), always),
    "floor_div": _comparison(lambda x, y: torch.div(x, y, rounding_mode="floor")),
    "gather_along_axis": Operator(gather_along_axis, _along_own_axis),
    "greater": _comparison(torch.gt),
    "greater_equal": _comparison(torch.ge),
    "less": _comparison(torch.lt),
    "less_equal": _comparison(torch.le),
    "mod": _comparison(torch.remainder),
    "reduce_argmax": Operator(reduce_argmax, not_axis("axis")),
    "topk": Operator(topk, not_axis("axis")),
}
