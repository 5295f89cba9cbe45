"""One form for everything that changes shapes, and sizes as numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    argument,
    aten,
    calls,
    emit,
    is_call,
    replace,
    tensor_meta,
)

_RESHAPES: tuple[Any, ...] = (
    aten.view.default,
    aten.reshape.default,
    aten._unsafe_view.default,
    aten.unflatten.int,
    aten.view_as.default,
    aten.reshape_as.default,
)
_PERMUTATIONS: tuple[Any, ...] = (
    aten.transpose.int,
    aten.t.default,
    aten.numpy_T.default,
    aten.mT.default,
    aten.swapaxes.default,
    aten.swapdims.default,
    aten.movedim.int,
    aten.movedim.intlist,
    aten.moveaxis.int,
    aten.moveaxis.intlist,
)


def plain_reshapes(graph: GraphModule) -> int:
    """Write views as ``reshape`` to numbers, -1 where the batch is part of a size.

    A view needs its input in one memory layout; batches are channels_last, where a view would fail.
    Sizes that the network computes from its input's are thereby gone.
    """
    changed = 0
    for node in calls(graph, *_RESHAPES):
        value = tensor_meta(node)
        if value is None:
            continue
        known = [int(size) if isinstance(size, int) else -1 for size in value.shape]
        if known.count(-1) > 1:
            shape = argument(node, 1)
            if not isinstance(shape, (list, tuple)) or is_call(node, aten.unflatten.int):
                continue
            known = list(shape)
        if node.target == aten.reshape.default and list(argument(node, 1)) == known:
            continue
        node.target, node.args, node.kwargs = aten.reshape.default, (node.args[0], known), {}
        changed += 1
    return changed


def plain_permutations(graph: GraphModule) -> int:
    """Write every exchange of dimensions as ``permute``."""
    changed = 0
    for node in calls(graph, *_PERMUTATIONS):
        before = tensor_meta(node.args[0])
        if before is None:
            continue
        # What it does to the dimensions of a small tensor with one size for each.
        small = torch.empty([2 + i for i in range(before.ndim)], device="meta")
        moved = node.target(small, *node.args[1:], **node.kwargs)  # type: ignore[operator]
        order = [size - 2 for size in moved.shape]
        node.target, node.args, node.kwargs = aten.permute.default, (node.args[0], order), {}
        changed += 1
    return changed


def split_into_slices(graph: GraphModule) -> int:
    """Write split, chunk and unbind, whose values are lists, as slices."""
    changed = 0
    for node in list(graph.graph.nodes):
        find = _PARTS.get(node.target) if node.op == "call_function" else None
        parts = None if find is None else find(node)
        readers = list(node.users)
        if parts is None or not all(is_call(user, operator.getitem) for user in readers):
            continue
        for reader in readers:
            place: Any = reader.args[1]
            replace(reader, emit(reader, *parts[place]))
        graph.graph.erase_node(node)
        changed += 1
    return changed


def plain_joins(graph: GraphModule) -> int:
    """Write ``stack`` as the ``cat`` of its parts with one dimension more."""
    changed = 0
    for node in calls(graph, aten.stack.default):
        dim, like = int(argument(node, 1, 0)), tensor_meta(node)
        if like is None:
            continue
        dim %= like.ndim
        parts: Any = node.args[0]
        wide = [emit(node, aten.unsqueeze.default, p, dim, like=_unsqueezed(p, dim)) for p in parts]
        replace(node, emit(node, aten.cat.default, wide, dim))
        changed += 1
    return changed


def plain_selections(graph: GraphModule) -> int:
    """Write a maximum that is read without its positions, a pool with positions and a channel
    shuffle by what they consist of."""
    changed = 0
    for node in calls(graph, aten.max.dim, aten.min.dim):
        form = aten.amax.default if node.target == aten.max.dim else aten.amin.default
        changed += _first_alone(node, form, (node.args[0], [node.args[1]], *node.args[2:]))
    for node in calls(graph, aten.max_pool2d_with_indices.default):
        changed += _first_alone(node, aten.max_pool2d.default, node.args)
    for node in calls(graph, aten.adaptive_max_pool2d.default):
        source = tensor_meta(node.args[0])
        sizes = [int(size) for size in source.shape[2:]] if source is not None else []
        wanted: Any = argument(node, 1)
        if len(sizes) == 2 and not any(s % w for s, w in zip(sizes, wanted, strict=True)):
            window = [s // w for s, w in zip(sizes, wanted, strict=True)]
            arguments = (node.args[0], window, window)
            changed += _first_alone(node, aten.max_pool2d.default, arguments)
    for node in calls(graph, aten.channel_shuffle.default, aten.native_channel_shuffle.default):
        changed += _shuffle(node)
    return changed


def _first_alone(node: Node, target: Any, arguments: tuple[Any, ...]) -> int:
    """Replace the first of ``node``'s results by a call of ``target``, if no other is read."""
    for reader in [user for user in node.users if not user.users]:
        node.graph.erase_node(reader)
    readers = list(node.users)
    if not all(is_call(user, operator.getitem) and user.args[1] == 0 for user in readers):
        return 0
    for reader in readers:
        replace(reader, emit(reader, target, *arguments))
    node.graph.erase_node(node)
    return 1


def _shuffle(node: Node) -> int:
    like, groups = tensor_meta(node), argument(node, 1)
    if like is None or like.ndim != 4:
        return 0
    channels, height, width = (int(size) for size in like.shape[1:])
    first = [-1, groups, channels // groups, height, width]
    batch = like.shape[0]
    split = like.new_empty([batch, *first[1:]])
    apart = emit(node, aten.reshape.default, node.args[0], first, like=split)
    order = [0, 2, 1, 3, 4]
    mixed = emit(node, aten.permute.default, apart, order, like=split.permute(order))
    replace(node, emit(node, aten.reshape.default, mixed, [-1, channels, height, width]))
    return 1


def _unsqueezed(part: Node, dim: int) -> Any:
    like = tensor_meta(part)
    return None if like is None else like.unsqueeze(dim)


_Call = tuple[Any, ...]


def _slices(node: Node, sizes: list[int], dim: int) -> list[_Call]:
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [
        (aten.slice.Tensor, node.args[0], dim, end - size, end)
        for end, size in zip(ends, sizes, strict=True)
    ]


def _made_sizes(node: Node) -> list[_Call] | None:
    """The slices of a split whose parts the capture has recorded."""
    values = node.meta.get("val")
    if not isinstance(values, (list, tuple)):
        return None
    dim = argument(node, 2, 0) % values[0].ndim
    sizes = [value.shape[dim] for value in values]
    if not all(isinstance(size, int) for size in sizes):
        return None
    return _slices(node, [int(size) for size in sizes], dim)


def _unbound(node: Node) -> list[_Call] | None:
    like, dim = tensor_meta(node.args[0]), argument(node, 1, 0)
    if like is None or not isinstance(like.shape[dim], int):
        return None
    return [(aten.select.int, node.args[0], dim, index) for index in range(like.shape[dim])]


_PARTS: dict[Any, Callable[[Node], list[_Call] | None]] = {
    aten.split.Tensor: _made_sizes,
    aten.split.sizes: _made_sizes,
    aten.split_with_sizes.default: _made_sizes,
    aten.chunk.default: _made_sizes,
    aten.tensor_split.sections: _made_sizes,
    aten.tensor_split.indices: _made_sizes,
    aten.unbind.int: _unbound,
}
