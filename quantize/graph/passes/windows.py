"""Sliding windows as what they consist of: every runtime moves bytes, few know windows."""

from __future__ import annotations

from collections.abc import Sequence
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
    pair,
    replace,
    sized,
    tensor_meta,
)


def windows_as_slices(graph: GraphModule) -> int:
    """Write the windows of a map (``unfold``) as one slice for each place in a window, joined.

    ExecuTorch 1.5.1 cannot load them in int8; of the windows along one dimension
    (``Tensor.unfold``), LiteRT's converter and Core ML's know nothing.
    """
    changed = 0
    for node in calls(graph, aten.im2col.default):
        like = tensor_meta(node.args[0])
        if like is not None and like.ndim == 4:
            replace(node, _image_windows(node, like))
            changed += 1
    for node in calls(graph, aten.unfold.default):
        like = tensor_meta(node.args[0])
        dim, size, step = (int(value) for value in node.args[1:4])  # type: ignore[arg-type]
        if like is not None and like.ndim and isinstance(like.shape[dim], int):
            replace(node, _windows_along(node, like, dim % like.ndim, size, step))
            changed += 1
    return changed


def folds_as_sums(graph: GraphModule) -> int:
    """Write the sum of windows at their places (``fold``) with a shuffle, paddings or a layer.

    ExecuTorch and LiteRT cannot load what their exporters make of it, and coremltools takes only
    windows that do not overlap.
    """
    changed = 0
    for node in calls(graph, aten.col2im.default):
        like = tensor_meta(node.args[0])
        if like is None or like.ndim != 3:
            continue
        fold = _Fold(node, like)
        if fold.stride == fold.kernel and fold.dilation == [1, 1] and fold.padding == [0, 0]:
            made = fold.shuffled()
        elif fold.stride == [1, 1]:
            made = fold.padded_and_summed()
        else:
            made = fold.transposed_convolution(graph)
        replace(node, made)
        changed += 1
    return changed


def _image_windows(node: Node, like: Tensor) -> Node:
    """(batch, channels * places, windows) of a map (batch, channels, height, width)."""
    image: Any = node.args[0]
    kernel, dilation, padding, stride = (pair(argument(node, i)) for i in range(1, 5))
    batch, channels, *sizes = like.shape
    sizes = [size + 2 * edge for size, edge in zip(sizes, padding, strict=True)]
    if any(padding):
        edges = [padding[1], padding[1], padding[0], padding[0]]
        image = _made(node, like, (batch, channels, *sizes), aten.pad.default, image, edges)
    counts = _counts(sizes, kernel, dilation, stride)
    number = counts[0] * counts[1]
    parts = []
    for row in range(kernel[0]):
        band = _strided(node, image, 2, row * dilation[0], counts[0], stride[0])
        for column in range(kernel[1]):
            one = _strided(node, band, 3, column * dilation[1], counts[1], stride[1])
            parts.append(_reshaped(node, one, like, channels, 1, number))
    joined = (batch, channels, len(parts), number)
    places = _made(node, like, joined, aten.cat.default, parts, 2)
    return _reshaped(node, places, like, channels * len(parts), number)


def _windows_along(node: Node, like: Tensor, dim: int, size: int, step: int) -> Node:
    """A value with one dimension more, the last: the places in a window."""
    source: Any = node.args[0]
    count = (int(like.shape[dim]) - size) // step + 1
    shape = [*like.shape]
    shape[dim] = count
    parts = [
        _made(
            node,
            like,
            [*shape, 1],
            aten.unsqueeze.default,
            _strided(node, source, dim, place, count, step),
            like.ndim,
        )
        for place in range(size)
    ]
    return _made(node, like, [*shape, size], aten.cat.default, parts, like.ndim)


class _Fold:
    """A call of ``col2im``: (batch, channels * places, windows) to (batch, channels, *size)."""

    def __init__(self, node: Node, like: Tensor) -> None:
        self._node, self._like = node, like
        self._source: Any = node.args[0]
        self._size, self.kernel, self.dilation, self.padding, self.stride = (
            pair(argument(node, i)) for i in range(1, 6)
        )
        self._places = self.kernel[0] * self.kernel[1]
        self._channels = int(like.shape[1]) // self._places
        self._whole = [size + 2 * edge for size, edge in zip(self._size, self.padding, strict=True)]
        self._counts = _counts(self._whole, self.kernel, self.dilation, self.stride)

    def shuffled(self) -> Node:
        """Of windows that lie side by side; Core ML has five dimensions at most."""
        channels, (rows, columns), (height, width) = self._channels, self._counts, self.kernel
        apart = self._reshape(self._source, channels * height, width, rows, columns)
        sizes = (channels * height, rows, columns, width)
        wide = self._make(sizes, aten.permute.default, apart, [0, 1, 3, 4, 2])
        wide = self._reshape(wide, channels, height, rows, columns * width)
        sizes = (channels, rows, height, columns * width)
        mixed = self._make(sizes, aten.permute.default, wide, [0, 1, 3, 2, 4])
        image = self._reshape(mixed, channels, rows * height, columns * width)
        missing = [self._size[0] - rows * height, self._size[1] - columns * width]
        if not any(missing):
            return image
        edges = [0, missing[1], 0, missing[0]]
        return self._make((channels, *self._size), aten.pad.default, image, edges)

    def padded_and_summed(self) -> Node:
        """Of windows at every pixel: a map for each place in a window, moved by it."""
        rows, columns = self._counts
        height, width = self._whole
        apart = self._reshape(self._source, self._channels, self._places, rows * columns)
        moved = []
        for place in range(self._places):
            top = place // self.kernel[1] * self.dilation[0]
            left = place % self.kernel[1] * self.dilation[1]
            one = _strided(self._node, apart, 2, place, 1, 1)
            one = self._reshape(one, self._channels, rows, columns)
            edges = [left, width - columns - left, top, height - rows - top]
            one = self._make((self._channels, height, width), aten.pad.default, one, edges)
            moved.append(self._reshape(one, self._channels, 1, height * width))
        together = self._make(
            (self._channels, self._places, height * width), aten.cat.default, moved, 2
        )
        summed = self._make((self._channels, height * width), aten.sum.dim_IntList, together, [2])
        image = self._reshape(summed, self._channels, height, width)
        for dim, (size, edge) in enumerate(zip(self._size, self.padding, strict=True), start=2):
            if edge:
                image = _strided(self._node, image, dim, edge, size, 1)
        return image

    def transposed_convolution(self, graph: GraphModule) -> Node:
        """Of any windows: a layer whose weights say where in its window a place lies."""
        rows, columns = self._counts
        image = self._reshape(self._source, self._channels * self._places, rows, columns)
        one_hot = torch.eye(self._places).reshape(self._places, 1, *self.kernel)
        weight = constant(
            graph, self._node, f"{self._node.name}_places", one_hot.repeat(self._channels, 1, 1, 1)
        )
        reached = [
            (count - 1) * step + spread * (size - 1) + 1
            for count, step, spread, size in zip(
                self._counts, self.stride, self.dilation, self.kernel, strict=True
            )
        ]
        rest = [whole - end for whole, end in zip(self._whole, reached, strict=True)]
        return self._make(
            (self._channels, *self._size),
            aten.conv_transpose2d.input,
            image,
            weight,
            None,
            self.stride,
            self.padding,
            rest,
            self._channels,
            self.dilation,
        )

    def _reshape(self, source: Node, *sizes: int) -> Node:
        return _reshaped(self._node, source, self._like, *sizes)

    def _make(self, sizes: Sequence[int], target: Any, *args: Any) -> Node:
        return _made(self._node, self._like, (self._like.shape[0], *sizes), target, *args)


def _counts(
    sizes: Sequence[int], kernel: list[int], dilation: list[int], stride: list[int]
) -> list[int]:
    """How many windows fit along each dimension."""
    return [
        (int(size) - spread * (places - 1) - 1) // step + 1
        for size, places, spread, step in zip(sizes, kernel, dilation, stride, strict=True)
    ]


def _strided(before: Node, source: Node, dim: int, first: int, count: int, step: int) -> Node:
    """``count`` elements along ``dim``, from ``first`` on, ``step`` apart."""
    end = first + step * (count - 1) + 1
    like = sized(source.meta["val"], dim, count)
    return emit(before, aten.slice.Tensor, source, dim, first, end, step, like=like)


def _reshaped(before: Node, source: Node, like: Tensor, *sizes: int) -> Node:
    shape = (like.shape[0], *sizes)
    return _made(before, like, shape, aten.reshape.default, source, [-1, *sizes])


def _made(before: Node, like: Tensor, sizes: Sequence[Any], target: Any, *args: Any) -> Node:
    """A call whose value has the type of ``like`` and ``sizes``, the batch among them."""
    return emit(before, target, *args, like=like.new_empty(list(sizes)))
