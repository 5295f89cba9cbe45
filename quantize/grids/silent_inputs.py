"""Large weights on inputs that are always zero, which would set the scale of all others.

A weight's scale is that of its output channel's largest element. Behind ReLU a channel may never
become anything but zero, and nothing trains the weights that read it, nor keeps them small.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import argument, aten, is_call, tensor_of
from quantize.graph.plan import Plan, fused_clamp
from quantize.qparams import QParams

#: So many images tell which channels may be silent; those alone are watched on.
FIRST_IMAGES = 8
#: A channel that stays below this part of the value's largest channel may be.
QUIET = 1 / 256
#: The part of a step of the layer's output that all of a silent input's weights together change.
UNHEARD = 1 / 16


@dataclass(frozen=True)
class _Watched:
    """Input channels ``columns`` (n,) of ``layer``, and how large each has been, (n,)."""

    layer: Node
    columns: Tensor
    largest: Tensor


class SilentInputs:
    """Watches what the large weights of a graph's layers read while it runs."""

    def __init__(self, graph: GraphModule, plan: Plan) -> None:
        self._graph, self._plan = graph, plan
        self._readers: dict[str, list[Node]] = defaultdict(list)
        self._watched: dict[str, list[_Watched]] = {}
        weighted = set(plan.weighted)
        for node in graph.graph.nodes:
            if node.name in weighted and int(argument(node, 6, 1)) == 1:
                self._readers[argument(node, 0).name].append(node)

    def see(self, node: Node, value: Tensor) -> None:
        """See a ``value``, float32 (N, channels, ...), of the graph."""
        if node.name not in self._readers:
            return
        if node.name not in self._watched:
            first = value[:FIRST_IMAGES]
            found = [self._choose(layer, first) for layer in self._readers[node.name]]
            self._watched[node.name] = [one for one in found if len(one.columns)]
        for watched in self._watched[node.name]:
            dimension = _channels(watched.layer, value)
            largest = _largest(value.index_select(dimension, watched.columns), dimension)
            torch.maximum(watched.largest, largest, out=watched.largest)

    def _choose(self, layer: Node, value: Tensor) -> _Watched:
        """The quiet inputs with a weight larger than all others of some output channel."""
        largest = _largest(value, _channels(layer, value))
        quiet = largest <= QUIET * largest.max()
        sizes = _sizes(tensor_of(self._graph, argument(layer, 1)))
        limit = sizes.masked_fill(quiet, 0.0).amax(1, keepdim=True)
        columns = (quiet & (sizes > limit).any(0)).nonzero().flatten()
        return _Watched(layer, columns, torch.zeros(len(columns)))

    def clip(self, grids: dict[str, QParams]) -> int:
        """Make no weight on a silent input larger than the others of its output channel; how many.

        An input is silent to an output channel if the most it has changed there is
        :data:`UNHEARD` of a step of ``grids``, by owner: the float network stays what it was.
        """
        clipped = 0
        for watched in (one for several in self._watched.values() for one in several):
            owner = self._plan.owner((fused_clamp(watched.layer) or watched.layer).name)
            if owner is None:
                continue
            weight = tensor_of(self._graph, argument(watched.layer, 1))
            positions = weight[0, 0].numel()
            sizes = _sizes(weight)
            heard = sizes[:, watched.columns] * watched.largest * positions
            silent = torch.zeros_like(sizes, dtype=torch.bool)
            silent[:, watched.columns] = heard <= UNHEARD * grids[owner].scale
            limit = sizes.masked_fill(silent, 0.0).amax(1, keepdim=True)
            # A channel that reads nothing else has nothing to gain.
            limit = torch.where(silent & (limit > 0), limit, torch.inf)
            clipped += int((sizes > limit).sum())
            limit = limit.reshape(*limit.shape, *(1 for _ in weight.shape[2:]))
            weight.copy_(weight.clamp(-limit, limit))
        return clipped


def _sizes(weight: Tensor) -> Tensor:
    """max|w| between each pair of channels, (out, in), of (out, in, ...)."""
    return weight.abs().flatten(2).amax(2) if weight.ndim > 2 else weight.abs()


def _channels(layer: Node, value: Tensor) -> int:
    """The dimension of ``value`` that ``layer`` mixes."""
    return 1 if is_call(layer, aten.conv2d.default) else value.ndim - 1


def _largest(value: Tensor, dimension: int) -> Tensor:
    """max|x| along all dimensions but one, (channels,)."""
    return value.abs().amax([d for d in range(value.ndim) if d != dimension])
