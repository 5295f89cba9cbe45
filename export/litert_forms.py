"""Operators that LiteRT's converter refuses or changes, written with those that it keeps."""

from __future__ import annotations

import torch
from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import argument, aten, calls, emit, pair, replace, shape_of


def whole_transposed_convolutions(graph: GraphModule) -> int:
    """Compute all that a transposed convolution reaches and cut its result out; how many.

    The converter (litert-torch 0.10.0) fills what ``output_padding`` adds with zeros, where a
    transposed convolution has values, and refuses a padding that neither keeps everything nor
    makes the result a whole multiple of what is read.
    """
    changed = 0
    for node in calls(graph, aten.conv_transpose2d.input):
        source = node.args[0]
        weight = node.args[1]
        assert isinstance(source, Node) and isinstance(weight, Node)
        stride, padding, extra, dilation = (
            pair(argument(node, place, default))
            for place, default in ((3, 1), (4, 0), (5, 0), (7, 1))
        )
        read = [int(size) for size in shape_of(source)[2:]]
        made = [int(size) for size in shape_of(node)[2:]]
        multiple = made == [size * step for size, step in zip(read, stride, strict=True)]
        if not any(extra) and (not any(padding) or multiple):
            continue
        kernel = [int(size) for size in shape_of(weight)[2:]]
        like = node.meta["val"]
        whole = [
            (n - 1) * s + d * (k - 1) + 1
            for n, s, d, k in zip(read, stride, dilation, kernel, strict=True)
        ]
        # What lies beyond all that the kernel reaches is the bias, as if one more zero were read.
        more = [int(p + m > w) for p, m, w in zip(padding, made, whole, strict=True)]
        if any(more):
            edges = [0, more[1], 0, more[0]]
            shape = torch.nn.functional.pad(source.meta["val"], edges)
            source = emit(node, aten.constant_pad_nd.default, source, edges, 0.0, like=shape)
        whole = [w + m * s for w, m, s in zip(whole, more, stride, strict=True)]
        bias, groups = argument(node, 2), argument(node, 6, 1)
        arguments = (source, weight, bias, stride, [0, 0], [0, 0], groups, dilation)
        shape = like.new_empty([*like.shape[:2], *whole])
        cut = emit(node, aten.conv_transpose2d.input, *arguments, like=shape)
        for dim in (2, 3):
            first, count = padding[dim - 2], made[dim - 2]
            sizes = [*shape.shape]
            sizes[dim] = count
            shape = shape.new_empty(sizes)
            cut = emit(node, aten.slice.Tensor, cut, dim, first, first + count, like=shape)
        replace(node, cut)
        changed += 1
    graph.recompile()
    return changed
