"""One form for every product with a constant matrix."""

from __future__ import annotations

from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    aten,
    calls,
    constant,
    emit,
    is_constant,
    replace,
    shape_of,
    tensor_of,
)


def constant_products(graph: GraphModule) -> int:
    """Write ``matmul``, ``mm`` and ``addmm`` with a constant matrix as linear layers."""
    changed = 0
    for node in calls(graph, aten.matmul.default, aten.mm.default, aten.addmm.default):
        bias, arguments = None, node.args
        if node.target == aten.addmm.default:
            bias, arguments = node.args[0], node.args[1:]
        source, matrix = arguments[:2]
        assert isinstance(source, Node) and isinstance(matrix, Node)
        if not is_constant(matrix) or is_constant(source) or node.kwargs:
            continue
        weight = tensor_of(graph, matrix)
        if weight.ndim != 2 or len(shape_of(source)) < 2:
            continue
        if bias is not None:
            if not isinstance(bias, Node) or not is_constant(bias):
                continue
            if tuple(tensor_of(graph, bias).shape) != (weight.shape[1],):
                continue
        turned = constant(graph, node, f"{node.name}_weight", weight.t().contiguous())
        replace(node, emit(node, aten.linear.default, source, turned, bias))
        changed += 1
    return changed
