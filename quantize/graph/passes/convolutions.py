"""One form for every convolution: two-dimensional, its padding in numbers."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    argument,
    aten,
    calls,
    constant,
    emit,
    is_call,
    is_constant,
    replace,
    same_shape,
    shape_of,
    tensor_meta,
    tensor_of,
)


def number_paddings(graph: GraphModule) -> int:
    """Write ``padding="same"`` and ``"valid"`` of convolutions as numbers.

    "same" keeps the size of the map: d (k - 1) zeros in all, the odd one at the end (torch's
    ``_convolution_same``); where that is uneven, the zeros are padded in front of the convolution.
    """
    changed = 0
    for conv in calls(graph, aten.conv2d.padding):
        source, weight = conv.args[:2]
        assert isinstance(source, Node) and isinstance(weight, Node)
        dilation = [int(d) for d in argument(conv, 5, [1, 1])]
        dilation = dilation * 2 if len(dilation) == 1 else dilation
        kernel = [int(size) for size in shape_of(weight)[2:]]
        total = [0, 0]
        if argument(conv, 4, "valid") == "same":
            total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        padding = [size // 2 for size in total]
        if any(size % 2 for size in total):
            top, left = padding
            bottom, right = total[0] - top, total[1] - left
            like = tensor_meta(source)
            if like is not None:
                shape = [*like.shape[:2], like.shape[2] + total[0], like.shape[3] + total[1]]
                like = like.new_empty(shape)
            edges = [left, right, top, bottom]
            source = emit(conv, aten.constant_pad_nd.default, source, edges, 0.0, like=like)
            padding = [0, 0]
        stride = argument(conv, 3, [1, 1])
        bias, groups = argument(conv, 2), argument(conv, 6, 1)
        arguments = (source, weight, bias, stride, padding, dilation, groups)
        replace(conv, emit(conv, aten.conv2d.default, *arguments))
        changed += 1
    return changed


def planar_convolutions(graph: GraphModule) -> int:
    """Write convolutions of rows (N, C, L) as those of maps one row high, which have int8 kernels.

    XNNPACK's partitioner does the same for itself, but loses the grids (executorch issue 8830).
    """
    changed = 0
    for conv in calls(graph, aten.conv1d.default, aten.conv1d.padding):
        source, weight = conv.args[:2]
        read, made = tensor_meta(source), tensor_meta(conv)
        if read is None or made is None or read.ndim != 3 or not is_constant(weight):
            continue
        assert isinstance(source, Node) and isinstance(weight, Node)
        name = f"{str(weight.target).replace('.', '_')}_planar"
        planar = constant(graph, conv, name, tensor_of(graph, weight).unsqueeze(2))
        plane = _plane(conv, source, read)
        stride, dilation = (_pair(argument(conv, place, [1]), 1) for place in (3, 5))
        padding = argument(conv, 4, [0])
        target = aten.conv2d.padding
        if not isinstance(padding, str):
            target, padding = aten.conv2d.default, _pair(padding, 0)
        bias, groups = argument(conv, 2), argument(conv, 6, 1)
        arguments = (plane, planar, bias, stride, padding, dilation, groups)
        _replace_by_rows(conv, emit(conv, target, *arguments, like=made.unsqueeze(2)), made)
        changed += 1
    return changed


def planar_pools(graph: GraphModule) -> int:
    """Write pools of rows (N, C, L) as those of maps one row high; ExecuTorch 1.5.1 has no kernel
    for rows, and loads no file with one."""
    changed = 0
    for pool in calls(graph, *_ROW_POOLS):
        source = pool.args[0]
        read, made = tensor_meta(source), tensor_meta(pool)
        if read is None or made is None or read.ndim != 3:
            continue
        assert isinstance(source, Node)
        target, of_height = _ROW_POOLS[pool.target]
        given = list(pool.args[1:])
        for place, height in enumerate(of_height[: len(given)]):
            given[place] = _pair(given[place], height) if given[place] != [] else []
        plane = _plane(pool, source, read)
        _replace_by_rows(pool, emit(pool, target, plane, *given, like=made.unsqueeze(2)), made)
        changed += 1
    return changed


def planar_norms(graph: GraphModule) -> int:
    """Write batch norms of rows (N, C, L) as those of maps one row high, so that a layer takes them
    in or they become one; XNNPACK loses the grids of those of rows (executorch 1.5.1)."""
    changed = 0
    for norm in calls(graph, aten.batch_norm.default):
        source, read = norm.args[0], tensor_meta(norm.args[0])
        if read is None or read.ndim != 3:
            continue
        assert isinstance(source, Node)
        plane = _plane(norm, source, read)
        wide = emit(norm, norm.target, plane, *norm.args[1:], like=read.unsqueeze(2))
        _replace_by_rows(norm, wide, read)
        if not source.users:  # or what made the rows could not take the norm in
            graph.graph.erase_node(source)
        changed += 1
    return changed


def _plane(before: Node, rows: Node, read: Tensor) -> Node:
    """``rows`` (N, C, L), recorded as ``read``, as a map one row high; as it was where it has been
    one."""
    was, like = rows.args[0] if rows.args else None, read.unsqueeze(2)
    recorded = tensor_meta(was)
    if is_call(rows, aten.reshape.default) and recorded is not None and same_shape(recorded, like):
        assert isinstance(was, Node)
        return was
    channels, length = (int(size) for size in read.shape[1:])
    return emit(before, aten.reshape.default, rows, [-1, channels, 1, length], like=like)


def _replace_by_rows(old: Node, wide: Node, made: Tensor) -> None:
    """Let the map ``wide``, one row high, take the place of ``old``, which is recorded as
    ``made``."""
    rows = [-1, *(int(size) for size in made.shape[1:])]
    replace(old, emit(old, aten.reshape.default, wide, rows))


#: Pools of rows by those of maps, and the height's part of each leading argument: kernel, stride,
#: padding and dilation, or the size of the result.
_ROW_POOLS: dict[Any, tuple[Any, tuple[int, ...]]] = {
    aten.max_pool1d.default: (aten.max_pool2d.default, (1, 1, 0, 1)),
    aten.avg_pool1d.default: (aten.avg_pool2d.default, (1, 1, 0)),
    aten.adaptive_avg_pool1d.default: (aten.adaptive_avg_pool2d.default, (1,)),
}


def _pair(value: Any, of_height: int) -> list[int]:
    """A one-dimensional convolution's number as a two-dimensional one's."""
    return [of_height, int(value[0]) if isinstance(value, (list, tuple)) else int(value)]
