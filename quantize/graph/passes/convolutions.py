"""One form for every two-dimensional convolution."""

from __future__ import annotations

from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    argument,
    aten,
    calls,
    emit,
    replace,
    shape_of,
    tensor_meta,
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
