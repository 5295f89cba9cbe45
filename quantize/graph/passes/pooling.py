"""One form for every global average pool."""

from __future__ import annotations

from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import argument, aten, calls, replace, shape_of

POOL = aten.adaptive_avg_pool2d.default


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
    """Remove global pools of maps that have one pixel already (the head after FBNet's ir_pool)."""
    changed = 0
    for node in calls(graph, POOL):
        source = node.args[0]
        assert isinstance(source, Node)
        if tuple(shape_of(source)[2:]) == (1, 1):
            node.replace_all_uses_with(source)
            graph.graph.erase_node(node)
            changed += 1
    return changed
