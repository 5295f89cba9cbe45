"""Normalizations by what the deployed network, one image at a time, computes."""

from __future__ import annotations

from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import argument, aten, calls, emit, replace, shape_of


def unify_image_norms(graph: GraphModule) -> int:
    """Write batch norms without running statistics and instance norms as group norms of one
    channel a group; instance norms with running statistics as batch norms.

    Of one image, which is what artefacts take, the three are the same function; only this form is
    it in batches, too, where a batch norm would mix the images.
    """
    changed = 0
    for norm in calls(graph, aten.batch_norm.default, aten.instance_norm.default):
        source = norm.args[0]
        assert isinstance(source, Node)
        weight, bias, mean, var = (argument(norm, i) for i in range(1, 5))
        own = bool(argument(norm, 5, False)) or mean is None or var is None
        eps = float(argument(norm, 7, 1e-5))
        if own and len(shape_of(source)) > 2:
            channels = int(shape_of(source)[1])
            arguments = (source, channels, weight, bias, eps)
            replace(norm, emit(norm, aten.group_norm.default, *arguments))
        elif not own and norm.target == aten.instance_norm.default:
            statistics = (weight, bias, mean, var, False, 0.1, eps, False)
            replace(norm, emit(norm, aten.batch_norm.default, source, *statistics))
        else:
            continue
        changed += 1
    return changed
