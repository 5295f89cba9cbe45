"""Operators that Core ML's converter refuses, written with those that it takes."""

from __future__ import annotations

import torch
from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import argument, aten, calls, emit, pair, replace


def dilated_max_pools(graph: GraphModule, *, half: bool) -> int:
    """Write max pools with gaps between what they read as the maxima of rows and then of columns;
    how many. ``half`` is for graphs in float16, whose least number stands around the map."""
    changed = 0
    for node in calls(graph, aten.max_pool2d.default):
        if pair(argument(node, 4, 1)) == [1, 1]:
            continue
        replace(node, _maxima(node, torch.finfo(torch.float16 if half else torch.float32).min))
        changed += 1
    graph.recompile()
    return changed


def _maxima(pool: Node, least: float) -> Node:
    kernel, padding, dilation = (pair(argument(pool, place, 0)) for place in (1, 3, 4))
    stride = pair(argument(pool, 2) or kernel)
    found = pool.args[0]
    assert isinstance(found, Node)
    recorded = found
    while "val" not in recorded.meta:  # a change of grid, which keeps the shape
        recorded = recorded.all_input_nodes[0]
    value: torch.Tensor = recorded.meta["val"]
    made = [int(size) for size in pool.meta["val"].shape[2:]]
    edges = []
    for i in (1, 0):
        reach = (made[i] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1
        # More than the padding where the number of windows was rounded up.
        edges += [padding[i], max(padding[i], reach - int(value.shape[2 + i]) - padding[i])]
    if any(edges):
        value = torch.nn.functional.pad(value, edges)
        found = emit(pool, aten.constant_pad_nd.default, found, edges, least, like=value)
    for i, dim in ((0, 2), (1, 3)):
        sizes = [*value.shape]
        sizes[dim] = made[i]
        value = value.new_empty(sizes)
        ends = [dilation[i] * place for place in range(kernel[i])]
        length = (made[i] - 1) * stride[i] + 1
        parts = [
            emit(pool, aten.slice.Tensor, found, dim, end, end + length, stride[i], like=value)
            for end in ends
        ]
        found = parts[0]
        for part in parts[1:]:
            found = emit(pool, aten.maximum.default, found, part, like=value)
    return found
