"""Operators that XNNPACK's delegate lacks or computes wrongly, written with others.

What it lacks runs in ExecuTorch's portable kernels. Around Mish and Softplus executorch 1.5.1 mixes
up memory formats: their files were refused, or computed wrongly.
"""

from __future__ import annotations

from typing import Any

from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import argument, aten, calls, emit, number, replace, shape_of


def delegated_forms(graph: GraphModule, *, half: bool = False) -> int:
    """Rewrite Mish, Softplus and the softmax of maps in place; how many. ``half`` is for graphs in
    float16."""
    changed = 0
    for node in calls(graph, aten.mish.default):
        replace(node, _mish(graph, node, 5.0 if half else 10.0))
        changed += 1
    for node in calls(graph, aten.softplus.default):
        replace(node, _softplus(graph, node))
        changed += 1
    for node in calls(graph, aten.softmax.int):
        shape = shape_of(node)
        if len(shape) == 4 and int(argument(node, 1)) % 4 == 3:
            replace(node, _softmax_of_rows(node, shape))
            changed += 1
    return changed


def _softmax_of_rows(node: Node, shape: tuple[Any, ...]) -> Node:
    """A softmax over a map's last axis, computed of a matrix of rows.

    The delegate keeps a convolution's map in NHWC up to an operator that is known to depend on the
    layout, among which softmax is not: it went over the channels
    (executorch/backends/xnnpack/_passes/channels_last_tagged_reshape_pass.py, executorch 1.5.1).
    """
    rows = emit(node, aten.flatten.using_ints, node.args[0], 1, 2)
    weights = emit(node, aten.softmax.int, rows, -1, *node.args[2:])
    return emit(node, aten.unflatten.int, weights, 1, list(shape[1:3]))


def _mish(graph: GraphModule, node: Node, largest: float) -> Node:
    """x * tanh(log(1 + e^x)) = x * t / (t + 2) with t = e^x (e^x + 2); the quotient is 1 within the
    type's rounding from ``largest`` on."""
    x, two = node.args[0], number(graph, node, f"{node.name}_constant", 2.0)
    grown = emit(node, aten.exp.default, emit(node, aten.hardtanh.default, x, -50.0, largest))
    product = emit(node, aten.mul.Tensor, grown, emit(node, aten.add.Tensor, grown, two))
    gate = emit(node, aten.div.Tensor, product, emit(node, aten.add.Tensor, product, two))
    return emit(node, aten.mul.Tensor, x, gate)


def _softplus(graph: GraphModule, node: Node) -> Node:
    """log(1 + e^bx) / b = (max(bx, 0) + log(1 + e^-|bx|)) / b, of which nothing overflows."""
    beta = float(argument(node, 1, 1.0))
    x, name = node.args[0], f"{node.name}_constant"
    if beta != 1.0:
        x = emit(node, aten.mul.Tensor, x, number(graph, node, name, beta))
    size = emit(
        node, aten.exp.default, emit(node, aten.neg.default, emit(node, aten.abs.default, x))
    )
    tail = emit(
        node, aten.log.default, emit(node, aten.add.Tensor, size, number(graph, node, name, 1.0))
    )
    whole = emit(node, aten.add.Tensor, emit(node, aten.relu.default, x), tail)
    if beta != 1.0:
        whole = emit(node, aten.mul.Tensor, whole, number(graph, node, name, 1 / beta))
    return whole
