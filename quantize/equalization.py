"""Cross-layer equalization where it is exact (arXiv:1906.04721, section 4.1).

Between two layers with nothing but ReLU and moves, a channel may be divided by s in the first and
multiplied by s in the second: relu(x / s) * s = relu(x) for s > 0. Activations have one scale a
tensor, so channels of like range lose least. Weights have one a channel of output: the first
layer's absorb s for nothing, and so do a depthwise second layer's; a dense one's rows mix channels,
so there s is the geometric mean of what values and weights would want.

ReLU6 and hard-swish are not homogeneous: a network made of them is left as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.interpret import HookedInterpreter, image_batches
from quantize.passes.surgery import argument, aten, is_call, only_user, tensor_of
from quantize.plan import is_zero_pad
from quantize.program import bias_of

#: A channel is not moved further, so that one that is nearly dead does not become noise.
LARGEST_FACTOR = 100.0
_HOMOGENEOUS = (aten.relu.default, aten.max_pool2d.default)


@dataclass(frozen=True)
class Pair:
    """Two layers and the value between them whose channels are scaled."""

    first: Node
    between: Node
    second: Node

    @property
    def depthwise(self) -> bool:
        """Whether each output channel of ``second`` reads one input channel."""
        return self.second.target is aten.conv2d.default and argument(self.second, 6, 1) > 1


def pairs(graph: GraphModule) -> Iterator[Pair]:
    """The pairs of ``graph``, in execution order; a layer may be the second of one, the first of
    the next."""
    for first in graph.graph.nodes:
        if not is_call(first, aten.conv2d.default):
            continue
        value = reader = first
        while (following := only_user(reader)) is not None:
            reader = following
            if is_call(reader, *_HOMOGENEOUS):
                value = reader
            elif not is_zero_pad(reader):
                break
        else:
            continue
        if not is_call(reader, aten.conv2d.default) or value is reader:
            continue
        groups = argument(reader, 6, 1)
        if groups in (1, tensor_of(graph, _attribute(first, 1)).shape[0]):
            yield Pair(first, value, reader)


@torch.no_grad()
def equalized(graph: GraphModule, images: Tensor, batch: int) -> tuple[GraphModule, int]:
    """A graph that computes the same with channels of like range, and how many pairs it scaled.

    ``images``, float32 (N, 3, H, W), show how large each channel becomes.
    """
    graph = copy.deepcopy(graph)
    found = list(pairs(graph))
    ranges = _channel_ranges(graph, {pair.between.name for pair in found}, images, batch)
    for pair in found:
        values = ranges[pair.between.name]
        weight = tensor_of(graph, _attribute(pair.second, 1))
        factor = values
        if not pair.depthwise:
            factor = (values / weight.abs().amax((0, 2, 3)).clamp_min(1e-12)).sqrt()
        alive = values > 0
        if not bool(alive.any()):
            continue
        # The largest channel of the value stays as it is, so that scales keep their size.
        factor = factor / factor[values.argmax()]
        factor = torch.where(alive, factor, 1.0).clamp(1 / LARGEST_FACTOR, LARGEST_FACTOR)
        _scale(graph, pair, factor)
    return graph, len(found)


def _scale(graph: GraphModule, pair: Pair, factor: Tensor) -> None:
    first = tensor_of(graph, _attribute(pair.first, 1))
    first /= factor.reshape(-1, 1, 1, 1)
    bias = bias_of(graph, pair.first)
    if bias is not None:
        bias /= factor
    second = tensor_of(graph, _attribute(pair.second, 1))
    second *= factor.reshape((-1, 1, 1, 1) if pair.depthwise else (1, -1, 1, 1))


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
