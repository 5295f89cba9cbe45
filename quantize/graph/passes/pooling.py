"""One form for every pool."""

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
    is_call,
    pair,
    replace,
    set_argument,
    shape_of,
    tensor_meta,
)

POOL = aten.adaptive_avg_pool2d.default
#: What is padded with this or less is meant to lose against every value of a map.
LOWEST = -1e4


def numbered_strides(graph: GraphModule) -> int:
    """Write the stride of pools that go on by their kernel; coremltools asks for it."""
    changed = 0
    for pool in calls(graph, aten.max_pool2d.default, aten.avg_pool2d.default):
        if not argument(pool, 2):
            set_argument(pool, 2, pair(argument(pool, 1)))
            changed += 1
    return changed


def paddings_of_max_pools(graph: GraphModule) -> int:
    """Let a max pool pad by itself, or pad with the map's edge, where a map is padded with -inf or
    a number that stands for it.

    A window that reaches beyond the edge holds the edge, so that its largest value is the same; no
    int8 grid holds such a number beside those of a map.
    """
    changed = 0
    for pool in calls(graph, aten.max_pool2d.default):
        pad = pool.args[0]
        edges = _lowest_edges(pad)
        kernel = pair(argument(pool, 1))
        own, dilation = pair(argument(pool, 3, 0)), pair(argument(pool, 4, 1))
        if edges is None or dilation != [1, 1] or bool(argument(pool, 5, False)):
            continue
        assert isinstance(pad, Node)
        left, right, top, bottom = edges
        if max(left, right) + own[1] >= kernel[1] or max(top, bottom) + own[0] >= kernel[0]:
            continue
        source = pad.args[0]
        even = left == right and top == bottom
        if even and own == [0, 0] and 2 * left <= kernel[1] and 2 * top <= kernel[0]:
            stride = argument(pool, 2) or kernel
            pool.args = (source, kernel, stride, [top, left])
        else:
            like = tensor_meta(pad)
            edge = emit(pool, aten.replication_pad2d.default, source, edges, like=like)
            pool.replace_input_with(pad, edge)
        changed += 1
    return changed


def _lowest_edges(pad: object) -> list[int] | None:
    """left, right, top and bottom of a padding with :data:`LOWEST` or less."""
    if not isinstance(pad, Node):
        return None
    if is_call(pad, aten.constant_pad_nd.default):
        value = argument(pad, 2, 0)
    elif is_call(pad, aten.pad.default) and argument(pad, 2, "constant") == "constant":
        value = argument(pad, 3)
    else:
        return None
    edges: Any = argument(pad, 1)
    if value is None or value > LOWEST or len(edges) != 4 or len(shape_of(pad)) != 4:
        return None
    return [int(edge) for edge in edges] if min(edges) >= 0 else None


def divided_sums(graph: GraphModule) -> int:
    """Write average pools that divide by a number of their own as depthwise convolutions, which
    they are; torch.onnx leaves the number out (torch 2.14)."""
    changed = 0
    for pool in calls(graph, aten.avg_pool2d.default):
        source, divisor = pool.args[0], argument(pool, 6)
        if divisor is None or len(shape_of(pool)) != 4:
            continue
        kernel, padding = pair(argument(pool, 1)), pair(argument(pool, 3, 0))
        stride = pair(argument(pool, 2) or kernel)
        read, made = shape_of(pool.all_input_nodes[0])[2:], shape_of(pool)[2:]
        # Beyond the padding where the number of windows was rounded up.
        bottom, right = (
            max(0, (int(made[i]) - 1) * stride[i] + kernel[i] - int(read[i]) - 2 * padding[i])
            for i in (0, 1)
        )
        if bottom or right:
            edges, like = [0, right, 0, bottom], tensor_meta(source)
            like = None if like is None else torch.nn.functional.pad(like, edges)
            source = emit(pool, aten.constant_pad_nd.default, source, edges, 0.0, like=like)
        channels = int(shape_of(pool)[1])
        weight = torch.full((channels, 1, *kernel), 1 / divisor)
        summed = constant(graph, pool, f"{pool.name}_weight", weight)
        arguments = (source, summed, None, stride, padding, [1, 1], channels)
        replace(pool, emit(pool, aten.conv2d.default, *arguments))
        changed += 1
    return changed


def unify_global_pools(graph: GraphModule) -> int:
    """Write ``mean`` over both image dimensions, and pools of the whole map, as adaptive pools.

    timm's squeeze-excite uses ``mean.dim``, torchvision's an adaptive pool; quantizers and runtimes
    know the adaptive pool best.
    """
    changed = 0
    for node in calls(graph, aten.mean.dim):
        source, dims, keep = node.args[0], argument(node, 1), bool(argument(node, 2, False))
        assert isinstance(source, Node)
        rank = len(shape_of(source))
        if rank != 4 or sorted(d % rank for d in dims) != [2, 3]:
            continue
        with graph.graph.inserting_before(node):
            pool = graph.graph.call_function(POOL, (source, [1, 1]))
            pool.meta["val"] = source.meta["val"].mean((2, 3), keepdim=True)
            flat = pool if keep else graph.graph.call_function(aten.flatten.using_ints, (pool, 1))
        replace(node, flat)
        changed += 1
    for node in calls(graph, aten.avg_pool2d.default):
        source = node.args[0]
        assert isinstance(source, Node)
        padded = any(argument(node, 3, [0]))
        if list(argument(node, 1)) == list(shape_of(source)[2:]) and not padded:
            with graph.graph.inserting_before(node):
                pool = graph.graph.call_function(POOL, (source, [1, 1]))
            replace(node, pool)
            changed += 1
    return changed


def drop_pools_of_one_pixel(graph: GraphModule) -> int:
    """Remove global pools of maps that have one pixel already (the head after FBNet's ir_pool), and
    average pools with windows of one, which LiteRT's converter refuses between two grids."""
    changed = 0
    for node in calls(graph, aten.avg_pool2d.default):
        sizes = pair(argument(node, 1)), pair(argument(node, 2)), pair(argument(node, 3, 0))
        if sizes == ([1, 1], [1, 1], [0, 0]):
            source = node.args[0]
            assert isinstance(source, Node)
            node.replace_all_uses_with(source)
            graph.graph.erase_node(node)
            changed += 1
    for node in calls(graph, POOL):
        source = node.args[0]
        assert isinstance(source, Node)
        if tuple(shape_of(source)[2:]) == (1, 1):
            node.replace_all_uses_with(source)
            graph.graph.erase_node(node)
            changed += 1
    return changed
