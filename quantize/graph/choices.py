"""What a network chooses on its way: what it takes, and which of two values is the larger.

A detector takes the best of its boxes and drops those that others cover. An int8 network that
chooses otherwise has other objects in a batch's rows from there on, and no value of theirs can be
held against float's. Where both run side by side, int8 is therefore made to choose what float does:
what differs then is what it computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node

from quantize.graph.passes.surgery import argument, aten, is_call
from zoo.outputs import Returned

Choices = Mapping[str, Tensor]
"""What a graph's nodes chose on a batch, by their names."""

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


class Follower(Interpreter):
    """Runs ``graph`` on a float32 batch (N, 3, H, W); its nodes choose as ``choices`` say."""

    def __init__(self, graph: GraphModule, choices: Choices | None = None) -> None:
        super().__init__(graph, garbage_collect_values=True)
        self._followed = choices or {}

    def run_node(self, n: Node) -> Any:
        """Run one node, or have it choose otherwise."""
        value = super().run_node(n)
        if (choice := self._followed.get(n.name)) is not None:
            value = following(n, self.fetch_args_kwargs_from_env(n)[0][0], value, choice)
        return value


class Recorder(Interpreter):
    """Runs ``graph`` on a float32 batch (N, 3, H, W) and keeps its ``choices``."""

    def __init__(self, graph: GraphModule) -> None:
        super().__init__(graph, garbage_collect_values=True)
        self.choices: dict[str, Tensor] = {}

    def run_node(self, n: Node) -> Any:
        """Run one node, and look at its value."""
        value = super().run_node(n)
        if (choice := choice_of(n, value)) is not None:
            self.choices[n.name] = choice
        return value


@torch.no_grad()
def recorded(graph: GraphModule, images: Tensor) -> tuple[Returned, Choices]:
    """What ``graph`` returns for ``images``, and what it chooses on the way."""
    run = Recorder(graph)
    return run.run(images), run.choices
