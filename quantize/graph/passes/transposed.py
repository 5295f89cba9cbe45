"""Transposed convolutions as convolutions, which every runtime has in int8."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    argument,
    aten,
    bias_of,
    calls,
    constant,
    emit,
    is_constant,
    pair,
    replace,
    sized,
    tensor_meta,
    tensor_of,
)


def transposed_as_shuffled(graph: GraphModule) -> int:
    """Write a transposed convolution of stride s as a convolution that makes the s x s pixels of a
    place as channels, and a pixel shuffle (Shi et al., arXiv:1609.07009, section 2).

    onnxruntime 1.31 and ExecuTorch's portable operators have int8 kernels for those alone, and the
    multiply-adds are the same where s divides the kernel. Left as they are: grouped ones, which
    have little work, those with gaps, and strides that differ.
    """
    changed = 0
    for node in calls(graph, aten.conv_transpose2d.input):
        read, made = tensor_meta(node.args[0]), tensor_meta(node)
        steps, gaps = pair(argument(node, 3, 1)), pair(argument(node, 7, 1))
        if read is None or made is None or read.ndim != 4 or not is_constant(node.args[1]):
            continue
        if argument(node, 6, 1) != 1 or gaps != [1, 1] or steps[0] != steps[1]:
            continue
        padding = pair(argument(node, 4, 0))
        spans = [
            _Span(int(size), int(wanted), int(kernel), steps[0], edge)
            for size, wanted, kernel, edge in zip(
                read.shape[2:],
                made.shape[2:],
                tensor_of(graph, node.args[1]).shape[2:],  # type: ignore[arg-type]
                padding,
                strict=True,
            )
        ]
        if all(span.before >= 0 for span in spans):
            _write(graph, node, read, made, steps[0], spans)
            changed += 1
    return changed


class _Span:
    """A dimension of a transposed convolution that reads ``read`` pixels and makes ``made``.

    Pixel o of the result is pixel u = o + padding of all that the kernel reaches: the phase u % s
    of place u // s, whose ``taps`` inputs are that place and those before it. ``before`` and
    ``after`` are the zeros around the input that make the ``places`` asked for, ``first`` the first
    pixel of those.
    """

    def __init__(self, read: int, made: int, kernel: int, stride: int, padding: int) -> None:
        self.taps = -(-kernel // stride)
        self.first, self.made = padding % stride, made
        self.places = (padding + made - 1) // stride - padding // stride + 1
        self.before = self.taps - 1 - padding // stride
        self.after = max(0, self.places + self.taps - 1 - read - self.before)
        self.places = read + self.before + self.after - self.taps + 1


def _write(
    graph: GraphModule, node: Node, read: Tensor, made: Tensor, stride: int, spans: list[_Span]
) -> None:
    rows, columns = spans
    source: Any = node.args[0]
    edges = [columns.before, columns.after, rows.before, rows.after]
    padding = [rows.before, columns.before]
    if rows.before != rows.after or columns.before != columns.after:
        padding = [0, 0]
        like = F.pad(read, edges)
        source = emit(node, aten.constant_pad_nd.default, source, edges, 0.0, like=like)
    places = [made.shape[0], made.shape[1] * stride**2, rows.places, columns.places]
    value = made.new_empty(places)
    weight = _weight(tensor_of(graph, _attribute(node)), stride, rows.taps, columns.taps)
    name = str(_attribute(node).target).replace(".", "_")
    arguments = [source, constant(graph, node, f"{name}_shuffled", weight), None]
    bias = bias_of(graph, node)
    if bias is not None:
        every = bias.repeat_interleave(stride**2)
        arguments[2] = constant(graph, node, f"{name}_shuffled_bias", every)
    arguments += [[1, 1], padding, [1, 1], 1]
    x = emit(node, aten.conv2d.default, *arguments, like=value)
    if stride > 1:
        value = made.new_empty([*made.shape[:2], rows.places * stride, columns.places * stride])
        x = emit(node, aten.pixel_shuffle.default, x, stride, like=value)
    for dim, span in enumerate(spans, start=2):
        if span.made != value.shape[dim]:
            value = sized(value, dim, span.made)
            end = span.first + span.made
            x = emit(node, aten.slice.Tensor, x, dim, span.first, end, like=value)
    replace(node, x)


def _weight(weight: Tensor, stride: int, high: int, wide: int) -> Tensor:
    """(in, out, kh, kw) as (out stride stride, in, high, wide): the last taps read the place."""
    inputs, outputs, rows, columns = weight.shape
    weight = F.pad(weight, [0, wide * stride - columns, 0, high * stride - rows])
    apart = weight.reshape(inputs, outputs, high, stride, wide, stride).flip(2, 4)
    return apart.permute(1, 3, 5, 0, 2, 4).reshape(-1, inputs, high, wide)


def _attribute(node: Node) -> Node:
    weight = node.args[1]
    assert isinstance(weight, Node)
    return weight
