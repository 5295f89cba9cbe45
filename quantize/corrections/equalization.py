"""Cross-layer equalization where it is exact (arXiv:1906.04721, section 4.1).

Between layers with nothing but ReLU, sums, pools, resizes, gates and moves, a channel may be
divided by s in the layers that make it and multiplied by s in those that read it:
relu(x / s) * s = relu(x) for s > 0. Activations have one scale a tensor, so channels of like range
lose least. Weights have one a channel of output: the makers' absorb s for nothing, and so do
depthwise readers'; a dense one's rows mix channels, so there s is the geometric mean of what values
and weights would want.

Values that are added have their channels scaled alike, so a group is all that a stage's shortcuts
join. ReLU6 and hard-swish are not homogeneous: what they read or make stays as it is.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.corrections.base import Context, with_grids
from quantize.corrections.bias_correction import CORRECTION_IMAGES, evenly_spaced_images
from quantize.graph.interpret import HookedInterpreter, image_batches
from quantize.graph.operators import POOLS, is_moving_pad, is_zero_pad
from quantize.graph.passes.surgery import (
    argument,
    aten,
    bias_of,
    calls,
    is_call,
    tensor_meta,
    tensor_of,
)
from quantize.graph.plan import fused_clamp
from quantize.grids.calibrate import calibrate
from quantize.program import Program
from quantize.recipe import Recipe

#: A channel is not moved further, so that one that is nearly dead does not become noise.
LARGEST_FACTOR = 100.0
_HOMOGENEOUS = (
    aten.relu.default,
    aten.leaky_relu.default,
    aten.max_pool2d.default,
    *POOLS,
    aten.upsample_bilinear2d.vec,
    aten.upsample_nearest2d.vec,
    aten.reflection_pad2d.default,
    aten.replication_pad2d.default,
)
_ROWS_AND_COLUMNS = (2, 3, -2, -1)


class Equalization:
    """Channels scaled between layers, and grids for what they are now."""

    name = "equalization"
    corrects_biases = False

    def wanted(self, program: Program, recipe: Recipe) -> bool:
        """Whether ``recipe`` asks for it, and there are channels that may be scaled."""
        return (
            recipe.corrections.equalization
            and bool(program.activations)
            and any(groups(program.graph))
        )

    def apply(self, program: Program, context: Context) -> Program:
        """``program`` with the graph of :func:`equalized`."""
        some = evenly_spaced_images(context.images, CORRECTION_IMAGES)
        graph, _ = equalized(program.graph, some, context.batch)
        changed = {
            program.plan.owner(value.name)
            for group in groups(program.graph)
            for value in group.values
        }
        known = {name: grid for name, grid in program.activations.items() if name not in changed}
        # With all images, as what it is compared with: MobileNetV3-Small's KL rises by 3 % with 96
        # photos and falls by 7 % with all 375.
        grids = calibrate(
            graph,
            program.plan,
            context.images,
            batch=context.batch,
            method=context.recipe.ranges.activations,
            progress=context.progress,
            known=known,
        )
        return with_grids(replace(program, graph=graph), grids, context.recipe)


@dataclass(frozen=True)
class Group:
    """Values (N, channels, H, W) whose channels are scaled alike, the convolutions that make them,
    and those that read them; all in execution order."""

    values: tuple[Node, ...]
    makers: tuple[Node, ...]
    readers: tuple[Node, ...]


def is_depthwise(layer: Node) -> bool:
    """Whether a convolution that may be scaled reads one input channel for each output channel."""
    return int(argument(layer, 6, 1)) > 1


def groups(graph: GraphModule) -> Iterator[Group]:
    """The groups of ``graph`` that may be scaled, in execution order; a layer may read one and make
    the next."""
    found, layers = _Groups(), _layers(graph)
    for node in graph.graph.nodes:
        if node.op == "get_attr" or node in layers:
            continue
        sources = [source for source in node.all_input_nodes if source.op != "get_attr"]
        alike = [source for source in sources if _channels(source) == _channels(node)]
        if is_call(node, *_HOMOGENEOUS) or _moves(node):
            linear = alike == sources
        elif is_call(node, aten.add.Tensor):
            linear = alike == sources and len(sources) == 2
        elif is_call(node, aten.mul.Tensor):
            # A product grows with one factor if the other, a gate, stays as it is.
            alike = [source for source in alike if not found.is_frozen(source)]
            linear = len(sources) == 2 and len(alike) == 1
        else:
            linear = False
        if linear:
            for source in alike:
                found.join(node, source)
        else:
            found.freeze(node, *sources)
    for values in found.free(graph):
        makers = tuple(node for node in values if node in layers)
        readers = {user: None for node in values for user in node.users if user in layers}
        if makers and readers:
            yield Group(tuple(values), makers, tuple(readers))


def _layers(graph: GraphModule) -> set[Node]:
    """The dense and depthwise convolutions with a weight that is theirs alone."""
    convolutions = [
        n for n in calls(graph, aten.conv2d.default) if _attribute(n, 1).op == "get_attr"
    ]
    uses = Counter(_attribute(node, 1).target for node in convolutions)
    return {
        node
        for node in convolutions
        if uses[_attribute(node, 1).target] == 1
        and (int(argument(node, 6, 1)) == 1 or _is_one_to_one(graph, node))
    }


def _is_one_to_one(graph: GraphModule, layer: Node) -> bool:
    """Whether each input channel of a convolution has one output channel, and the reverse."""
    out, read = tensor_of(graph, _attribute(layer, 1)).shape[:2]
    return int(argument(layer, 6, 1)) == out and int(read) == 1


def _moves(node: Node) -> bool:
    """Whether ``node`` pads with what scaling keeps, or cuts rows or columns out."""
    if is_call(node, aten.slice.Tensor):
        return argument(node, 1, 0) in _ROWS_AND_COLUMNS
    return is_zero_pad(node) or is_moving_pad(node)


def _channels(node: Node) -> object:
    """How many channels a map (N, channels, H, W) has; None for what is no map."""
    value = tensor_meta(node)
    return value.shape[1] if value is not None and value.ndim == 4 else None


class _Groups:
    """Which values are scaled together (union-find), and which cannot be."""

    def __init__(self) -> None:
        self._parents: dict[Node, Node] = {}
        self._frozen: set[Node] = set()

    def root(self, node: Node) -> Node:
        while (parent := self._parents.get(node, node)) is not node:
            node = parent
        return node

    def join(self, first: Node, second: Node) -> None:
        first, second = self.root(first), self.root(second)
        self._parents[second] = first
        if second in self._frozen:
            self._frozen.add(first)

    def freeze(self, *nodes: Node) -> None:
        self._frozen.update(self.root(node) for node in nodes)

    def is_frozen(self, node: Node) -> bool:
        return self.root(node) in self._frozen

    def free(self, graph: GraphModule) -> list[list[Node]]:
        members: dict[Node, list[Node]] = {}
        for node in graph.graph.nodes:
            if node.op == "call_function" and not self.is_frozen(node):
                members.setdefault(self.root(node), []).append(node)
        return list(members.values())


@torch.no_grad()
def equalized(graph: GraphModule, images: Tensor, batch: int) -> tuple[GraphModule, int]:
    """A graph that computes the same with channels of like range, and how many groups it scaled.

    ``images``, float32 (N, 3, H, W), show how large each channel becomes.
    """
    graph = copy.deepcopy(graph)
    found = list(groups(graph))
    # What a clamp follows has no grid of its own.
    rounded = {v.name for group in found for v in group.values if fused_clamp(v) is None}
    ranges = _channel_ranges(graph, rounded, images, batch)
    for group in found:
        values = _relative_mean([ranges[v.name] for v in group.values if v.name in ranges])
        factor = values
        dense = [
            tensor_of(graph, _attribute(reader, 1)).abs().amax((0, 2, 3))
            for reader in group.readers
            if not is_depthwise(reader)
        ]
        if dense:
            factor = (values / _relative_mean(dense).clamp_min(1e-12)).sqrt()
        alive = values > 0
        if not bool(alive.any()):
            continue
        # The largest channel of the value stays as it is, so that scales keep their size.
        factor = factor / factor[values.argmax()]
        factor = torch.where(alive, factor, 1.0).clamp(1 / LARGEST_FACTOR, LARGEST_FACTOR)
        _scale(graph, group, factor)
    return graph, len(found)


def _relative_mean(sizes: list[Tensor]) -> Tensor:
    """The mean of several (channels,), each over its largest: every value's grid counts alike."""
    return torch.stack([one / one.max().clamp_min(1e-30) for one in sizes]).mean(0)


def _scale(graph: GraphModule, group: Group, factor: Tensor) -> None:
    for maker in group.makers:
        weight = tensor_of(graph, _attribute(maker, 1))
        weight /= factor.reshape(-1, 1, 1, 1)
        bias = bias_of(graph, maker)
        if bias is not None:
            bias /= factor
    for reader in group.readers:
        weight = tensor_of(graph, _attribute(reader, 1))
        weight *= factor.reshape((-1, 1, 1, 1) if is_depthwise(reader) else (1, -1, 1, 1))


def _channel_ranges(
    graph: GraphModule, names: set[str], images: Tensor, batch: int
) -> dict[str, Tensor]:
    """The largest |value| of each channel, (channels,) by name of a value (N, channels, H, W)."""
    found: dict[str, Tensor] = {}

    def see(node: Node, value: Tensor) -> Tensor:
        if node.name in names:
            largest = value.abs().amax((0, 2, 3))
            seen = found.get(node.name, largest)
            found[node.name] = torch.maximum(seen, largest)
        return value

    interpreter = HookedInterpreter(graph, see)
    for part in image_batches(images, batch):
        interpreter.run(part)
    return found


def _attribute(node: Node, index: int) -> Node:
    attribute = node.args[index]
    assert isinstance(attribute, Node)
    return attribute
