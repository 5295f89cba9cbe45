"""Moved values in forms that every runtime's int8 kernels take."""

from __future__ import annotations

from typing import Any

from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    argument,
    aten,
    calls,
    emit,
    is_call,
    only_user,
    same_shape,
    sized,
    tensor_meta,
)

#: What only selects or rearranges single elements: any function of those may come before it.
_REARRANGES: tuple[Any, ...] = (
    aten.flatten.using_ints,
    aten.reshape.default,
    aten.permute.default,
    aten.max_pool2d.default,
    aten.upsample_nearest2d.vec,
    aten.slice.Tensor,
    aten.pixel_shuffle.default,
    aten.pixel_unshuffle.default,
)
_BROADCASTING: tuple[Any, ...] = (
    aten.add.Tensor,
    aten.sub.Tensor,
    aten.mul.Tensor,
    aten.div.Tensor,
)


def clamps_before_moves(graph: GraphModule) -> int:
    """Clamp before a pool, a reshape or a join, where a layer's kernel does it, not behind it.

    A clamp grows with what it reads, so the largest of clamped values is the largest, clamped.
    """
    changed = 0
    clamps = list(calls(graph, aten.relu.default, aten.hardtanh.default))
    while clamps:
        clamp = clamps.pop()
        moved = clamp.args[0]
        if not (isinstance(moved, Node) and only_user(moved) is clamp):
            continue
        if is_call(moved, aten.cat.default):
            parts = list(argument(moved, 0))
        elif is_call(moved, *_REARRANGES):
            parts = [argument(moved, 0)]
        else:
            continue
        # A part that something else reads would need a clamp of its own, and a grid more.
        if not all(only_user(part) is moved or part.op == "placeholder" for part in parts):
            continue
        for part in dict.fromkeys(parts):
            early = emit(moved, clamp.target, part, *clamp.args[1:], like=tensor_meta(part))
            moved.replace_input_with(part, early)
            clamps.append(early)
        clamp.replace_all_uses_with(moved)
        graph.graph.erase_node(clamp)
        changed += 1
    return changed


def drop_expansions(graph: GraphModule) -> int:
    """Let sums and products broadcast by themselves what is expanded for them alone."""
    changed = 0
    for node in calls(graph, aten.expand.default, aten.expand_as.default):
        source = node.args[0]
        whole, small = tensor_meta(node), tensor_meta(source)
        if whole is None or small is None or small.ndim != whole.ndim:
            continue
        assert isinstance(source, Node)
        for reader in list(node.users):
            if not is_call(reader, *_BROADCASTING) or reader.args[0] is reader.args[1]:
                continue
            others = [tensor_meta(other) for other in reader.args[:2] if other is not node]
            if all(other is not None and same_shape(other, whole) for other in others):
                reader.replace_input_with(node, source)
                changed += 1
        if not node.users:
            graph.graph.erase_node(node)
    return changed


def circular_paddings_as_joins(graph: GraphModule) -> int:
    """Write a map that is padded with its other end as joined with that; coremltools has no such
    padding."""
    changed = 0
    for node in calls(graph, aten.pad.default):
        joined, edges = argument(node, 0), argument(node, 1)
        like = tensor_meta(joined)
        if like is None or argument(node, 2, "constant") != "circular" or min(edges) < 0:
            continue
        for place in range(0, len(edges), 2):
            before, after = edges[place : place + 2]
            dim = like.ndim - 1 - place // 2
            size = int(like.shape[dim])
            parts = [(size - before, size)] if before else []
            parts += [(0, after)] if after else []
            if not parts:
                continue
            ends = [
                emit(
                    node,
                    aten.slice.Tensor,
                    joined,
                    dim,
                    *part,
                    like=sized(like, dim, part[1] - part[0]),
                )
                for part in parts
            ]
            order = [*ends[: bool(before)], joined, *ends[bool(before) :]]
            like = sized(like, dim, size + before + after)
            joined = emit(node, aten.cat.default, order, dim, like=like)
        node.replace_all_uses_with(joined)
        graph.graph.erase_node(node)
        changed += 1
    return changed


def repeats_as_joins(graph: GraphModule) -> int:
    """Write a value repeated along its dimensions as joined with itself."""
    changed = 0
    for node in calls(graph, aten.repeat.default, aten.tile.default):
        joined, times = argument(node, 0), argument(node, 1)
        like = tensor_meta(joined)
        if like is None or len(times) != like.ndim or not all(isinstance(t, int) for t in times):
            continue
        for dim, count in enumerate(times):
            if count > 1:
                like = sized(like, dim, like.shape[dim] * count)
                joined = emit(node, aten.cat.default, [joined] * count, dim, like=like)
        node.replace_all_uses_with(joined)
        graph.graph.erase_node(node)
        changed += 1
    return changed
