"""One form for every choice between two values."""

from __future__ import annotations

from typing import Any

import torch
from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    argument,
    aten,
    calls,
    constant,
    emit,
    is_constant,
    number,
    replace,
    tensor_meta,
    tensor_of,
)

_WITH_NUMBERS = (aten.where.ScalarOther, aten.where.ScalarSelf, aten.where.Scalar)


def plain_choices(graph: GraphModule) -> int:
    """Write ``masked_fill``, a threshold, a hard shrink and a ``where`` of numbers as the ``where``
    of tensors.

    LiteRT's converter mixes up memory layouts around numbers (litert-torch 0.10.0); a constant of
    as many dimensions as the values have fits every layout.
    """
    changed = 0
    for node in calls(graph, aten.threshold.default):
        x, (bound, value) = node.args[0], node.args[1:3]
        above = emit(node, aten.gt.Scalar, x, bound, like=_mask(x))
        changed += _choose(graph, node, above, x, value)
    for node in calls(graph, aten.hardshrink.default):
        x, bound = node.args[0], float(argument(node, 1, 0.5))
        size = emit(node, aten.abs.default, x, like=tensor_meta(node))
        beyond = emit(node, aten.gt.Scalar, size, bound, like=_mask(x))
        changed += _choose(graph, node, beyond, x, 0.0)
    for node in calls(graph, aten.masked_fill.Scalar, aten.masked_fill.Tensor):
        x, mask, value = node.args[:3]
        changed += _choose(graph, node, mask, value, x)
    for node in calls(graph, *_WITH_NUMBERS, aten.where.self):
        condition, first, second = node.args[:3]
        changed += _choose(graph, node, condition, first, second)
    return changed


def _choose(graph: GraphModule, node: Node, condition: Any, first: Any, second: Any) -> int:
    """Write ``node`` as a ``where`` whose alternatives are tensors of its rank; 0 if it is one."""
    like = tensor_meta(node)
    if like is None or like.dtype != torch.float32:
        return 0
    wide = [_wide(graph, node, value, like.ndim) for value in (first, second)]
    if None in wide:
        return 0
    arguments = (condition, *wide)
    if node.target == aten.where.self and arguments == tuple(node.args):
        return 0
    replace(node, emit(node, aten.where.self, *arguments, like=like))
    return 1


def _wide(graph: GraphModule, node: Node, value: Any, rank: int) -> Node | None:
    if isinstance(value, (int, float)):
        return number(graph, node, f"{node.name}_value", float(value))
    if not is_constant(value):
        return value if isinstance(value, Node) else None
    tensor = tensor_of(graph, value)
    if tensor.ndim >= rank or not tensor.is_floating_point():
        return value  # type: ignore[no-any-return]
    tensor = tensor.reshape((1,) * (rank - tensor.ndim) + tuple(tensor.shape))
    return constant(graph, node, f"{node.name}_value", tensor)


def _mask(value: Any) -> Any:
    like = tensor_meta(value)
    return None if like is None else like.new_empty(like.shape, dtype=torch.bool)
