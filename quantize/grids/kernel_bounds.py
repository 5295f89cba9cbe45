"""Grids whose scales every runtime's integer kernels take.

A kernel multiplies by the scale of what it reads over that of what it writes, and refuses a ratio
outside of what its fixed-point arithmetic holds: a file with one loads nowhere. Trained networks
have such ratios where values are always zero, a dead ReLU layer or a closed gate, whose own range
says nothing, and where a tiny value is added to a large one.

The bounds are XNNPACK's (src/operators: convolution-nhwc.c and fully-connected-nc.c,
requantization below 2**8; binary-elementwise-nd.c, addends in [2**-10, 2**8) and products in
[2**-16, 2**8); average-pooling-nhwc.c, [2**-8, 2**8); unary-elementwise-nc.c, [2**-8, 2**7]).
PyTorch's QNNPACK has wider ones (qnnpack/src: add.c, [2**-14, 2**8); leaky-relu.c, [2**-8, 2**8)).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.graph.operators import ACTIVATIONS, POOLS
from quantize.graph.passes.surgery import aten, bias_of, is_call, tensor_of
from quantize.graph.plan import FIXED, Plan, fused_clamp, limits
from quantize.grids.weights import smallest_scales
from quantize.qparams import WEIGHT_MAX, QParams

#: The largest ratio; a factor of two below what kernels refuse, for weights that change yet.
LARGEST = 2.0**7
#: The smallest of addends, products and everything else, and a little for rounding to float32.
SMALLEST_ADDEND, SMALLEST_PRODUCT, SMALLEST = (1.001 * 2.0**-power for power in (10, 16, 8))


@dataclass(frozen=True)
class _Ratio:
    """``factor`` times the scale of ``read`` over the scale of ``written``, both owners of grids,
    must lie in [``least``, :data:`LARGEST`]."""

    read: str
    written: str
    factor: float
    least: float


def within_kernels(
    graph: GraphModule, plan: Plan, grids: Mapping[str, QParams]
) -> dict[str, QParams]:
    """``grids``, by owner, with the scales raised that a kernel would refuse.

    A ratio that is too large raises the scale of what is written: one step of what is read is more
    than a hundred of it, so its own range was an accident. One that is too small raises the scale
    of what is read, of which the kernel could tell nothing apart.
    """
    found, largest = dict(grids), _largest_weights(graph, plan)
    changed = True
    while changed:
        changed = False
        for node in graph.graph.nodes:
            for ratio in _ratios(graph, node, plan, found, largest):
                read, written = found[ratio.read], found[ratio.written]
                value = ratio.factor * read.scale / written.scale
                if ratio.read == ratio.written:
                    continue
                if value > LARGEST * (1 + 1e-6):
                    found[ratio.written] = replace(written, scale=written.scale * value / LARGEST)
                elif value < ratio.least * (1 - 1e-6):
                    found[ratio.read] = replace(read, scale=read.scale * ratio.least / value)
                else:
                    continue
                changed = True
    return found


def _ratios(
    graph: GraphModule,
    node: Node,
    plan: Plan,
    grids: Mapping[str, QParams],
    largest: Mapping[str, Tensor],
) -> Iterator[_Ratio]:
    """What the kernel of ``node`` asks for, if it has one; ``largest`` are its weights."""
    written = plan.owner((fused_clamp(node) or node).name)
    operands = [value for value in node.args[:2] if isinstance(value, Node)]
    owners = [owner for value in operands if (owner := plan.owner(value.name)) is not None]
    if node.op != "call_function" or written is None or not owners:
        return
    if node.name in plan.weighted:
        scales = largest[node.name] / WEIGHT_MAX
        least = smallest_scales(bias_of(graph, node), grids[owners[0]].scale, scales)
        yield _Ratio(owners[0], written, float(torch.maximum(scales, least).max()), 0.0)
    elif is_call(node, aten.add.Tensor, aten.sub.Tensor):
        for owner in owners:
            yield _Ratio(owner, written, 1.0, SMALLEST_ADDEND)
    elif is_call(node, aten.mul.Tensor) and len(owners) == 2:
        # A gate's grid is what it is, so it is the other factor's that may change.
        gates = [limits(value, plan) in FIXED for value in operands]
        factor, other = reversed(owners) if gates[0] else owners
        yield _Ratio(factor, written, grids[other].scale, SMALLEST_PRODUCT)
    elif is_call(node, *POOLS, *ACTIVATIONS) and not is_call(node, aten.sigmoid.default):
        # A sigmoid is a table of 256 bytes and takes any scale.
        yield _Ratio(owners[0], written, 1.0, SMALLEST)


def _largest_weights(graph: GraphModule, plan: Plan) -> dict[str, Tensor]:
    """max|w| of each output channel, (out,), by layer."""
    weighted = set(plan.weighted)
    return {
        node.name: tensor_of(graph, node.args[1]).abs().flatten(1).amax(1)
        for node in graph.graph.nodes
        if node.name in weighted
    }
