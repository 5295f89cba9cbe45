"""What a network chooses on its way: what it takes, and which of two values is the larger.

A detector takes the best of its boxes and drops those that others cover. An int8 network that
chooses otherwise has other objects in a batch's rows from there on, and no value of theirs can be
held against float's. Where both run side by side, int8 is therefore made to choose what float does:
what differs then is what it computes.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.fx import Node

from quantize.graph.passes.surgery import argument, aten, is_call

#: Those that return values and where these stood, and the place of the dimension among arguments.
_SELECTIONS: dict[object, int] = {
    aten.topk.default: 2,
    aten.sort.default: 1,
    aten.max.dim: 1,
    aten.min.dim: 1,
}
#: Of these two the dimension goes unless they are told to keep it.
_REDUCTIONS = (aten.max.dim, aten.min.dim)


def choice_of(node: Node, value: object) -> Tensor | None:
    """What ``node``, whose value this is, chooses: the value itself where it counts or compares,
    where the values stood that it selects; None where it only computes."""
    if node.op != "call_function":
        return None
    if node.target in _SELECTIONS:
        assert isinstance(value, tuple)
        value = value[1]
    return value if isinstance(value, Tensor) and not value.is_floating_point() else None


def following(node: Node, read: Tensor, value: Any, choice: Tensor) -> Any:
    """The result of ``node`` on the tensor ``read``, of which its own would be ``value``, where it
    makes this ``choice``."""
    place = _SELECTIONS.get(node.target)
    if place is None:
        return choice
    dim: int = argument(node, place, -1)
    if is_call(node, *_REDUCTIONS) and not argument(node, 2, False):
        return read.gather(dim, choice.unsqueeze(dim)).squeeze(dim), choice
    return read.gather(dim, choice), choice
