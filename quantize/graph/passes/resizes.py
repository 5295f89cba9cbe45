"""Changes of a map's size in forms that every runtime computes alike."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    argument,
    aten,
    calls,
    constant,
    emit,
    is_call,
    replace,
    shape_of,
    tensor_meta,
)

_NEAREST = (aten.upsample_nearest2d.vec, aten._upsample_nearest_exact2d.vec)
_SUMS = (
    aten.upsample_bicubic2d.vec,
    aten._upsample_bilinear2d_aa.vec,
    aten._upsample_bicubic2d_aa.vec,
)
ROWS, COLUMNS = 2, 3


def plain_resizes(graph: GraphModule) -> int:
    """Write nearest-neighbour resizes that are no whole repetition as selections of rows and
    columns; bicubic and antialiased ones, and bilinear ones by a factor that makes no whole number
    of pixels, as two products with constant matrices, which they are.

    Runtimes disagree about which pixel is nearest (LiteRT: 13 dB from 24 pixels to 7), LiteRT's
    converter knows no factor but that of the sizes, and onnxruntime 1.31 loads no bicubic resize to
    fewer pixels between integer layers.
    """
    changed = 0
    for node in calls(graph, *_NEAREST):
        sizes = _sizes(node)
        if sizes is None:
            continue
        rows, columns = (_moved(node, dim, sizes[0][dim - ROWS]) for dim in (ROWS, COLUMNS))
        if _repeats(rows, sizes[0][0]) and _repeats(columns, sizes[0][1]):
            if node.target == _NEAREST[0] and _whole(argument(node, 2), *sizes):
                continue
            node.target, node.args = _NEAREST[0], (node.args[0], sizes[1], None)
        else:
            x = _selected(graph, node, node.args[0], ROWS, rows)
            replace(node, _selected(graph, node, x, COLUMNS, columns))
        changed += 1
    for node in calls(graph, *_SUMS, aten.upsample_bilinear2d.vec):
        sizes = _sizes(node)
        bilinear = is_call(node, aten.upsample_bilinear2d.vec)
        if sizes is None or (bilinear and (argument(node, 2) or _whole(argument(node, 3), *sizes))):
            continue
        _multiply(graph, node, *sizes[0])
        changed += 1
    return changed


def _repeats(places: Tensor, size: int) -> bool:
    """Whether ``places`` are those of all ``size`` pixels, each as often as the others."""
    times = len(places) // size
    return times * size == len(places) and places.tolist() == [
        place // times for place in range(len(places))
    ]


def _whole(factors: Any, before: list[int], after: list[int]) -> bool:
    """Whether ``factors`` are those of the sizes."""
    return factors is None or all(
        round(size * factor, 6) == made
        for size, factor, made in zip(before, factors, after, strict=True)
    )


def _sizes(node: Node) -> tuple[list[int], list[int]] | None:
    """Height and width before and after, if they are numbers."""
    read, made = tensor_meta(node.args[0]), tensor_meta(node)
    if read is None or made is None:
        return None
    before, after = list(read.shape[2:]), list(made.shape[2:])
    if not all(isinstance(size, int) for size in before + after):
        return None
    return before, after


def _resized(node: Node, map_of: Tensor, dim: int) -> Tensor:
    """What ``node`` makes of (1, 1, h, w) along ``dim`` alone."""
    arguments = list(node.args[1:])
    if arguments[0] is not None:
        sizes: Any = list(map_of.shape[2:])
        sizes[dim - ROWS] = int(shape_of(node)[dim])
        arguments[0] = sizes
    else:
        factors: Any = [1.0, 1.0]
        factors[dim - ROWS] = argument(node, len(node.args) - 1)[dim - ROWS]
        arguments[-1] = factors
    result: Tensor = node.target(map_of, *arguments)  # type: ignore[operator]
    return result


def _moved(node: Node, dim: int, size: int) -> Tensor:
    """Which of ``size`` rows or columns each of the result's is, int64."""
    shape = [1, 1, size, 1] if dim == ROWS else [1, 1, 1, size]
    places = torch.arange(size, dtype=torch.float32).reshape(shape)
    return _resized(node, places, dim).reshape(-1).long()


def _selected(graph: GraphModule, node: Node, source: Any, dim: int, places: Tensor) -> Node:
    like = tensor_meta(source)
    kept = constant(graph, node, f"{node.name}_places", places)
    if like is not None:
        shape = list(like.shape)
        shape[dim] = len(places)
        like = like.new_empty(shape)
    return emit(node, aten.index_select.default, source, dim, kept, like=like)


def _multiply(graph: GraphModule, node: Node, height: int, width: int) -> None:
    """Columns by a linear layer of the last dimension, rows by one of the last but one."""
    across = _resized(node, torch.eye(width).reshape(1, 1, width, width), COLUMNS)[0, 0].t()
    down = _resized(node, torch.eye(height).reshape(1, 1, height, height), ROWS)[0, 0]
    turn = [0, 1, 3, 2]
    x: Any = node.args[0]
    for name, matrix in (("columns", across), ("rows", down)):
        weight = constant(graph, node, f"{node.name}_{name}", matrix.contiguous())
        like = tensor_meta(x)
        if like is not None:
            like = like.new_empty([*like.shape[:3], len(matrix)])
        x = emit(node, aten.linear.default, x, weight, None, like=like)
        like = None if like is None else like.permute(turn)
        x = emit(node, aten.permute.default, x, turn, like=like)
    replace(node, x)
