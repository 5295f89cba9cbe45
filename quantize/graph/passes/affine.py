"""Folding what is constant for each channel into the layer in front of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    argument,
    aten,
    bias_of,
    calls,
    constant,
    emit,
    is_call,
    is_constant,
    only_user,
    replace,
    set_argument,
    shape_of,
    tensor_meta,
    tensor_of,
)

_LAYERS = (aten.conv2d.default, aten.linear.default, aten.conv_transpose2d.input)
_ARITHMETIC = (aten.mul.Tensor, aten.div.Tensor, aten.add.Tensor, aten.sub.Tensor)


@dataclass(frozen=True)
class Affine:
    """x * factor + shift for each channel, both (channels,) or (1,), float64."""

    factor: Tensor
    shift: Tensor


def plain_sums(graph: GraphModule) -> int:
    """Write sums and differences with a factor for the second operand, and ``lerp``, as what they
    are; LiteRT's converter takes no ``alpha``, and mixes up layouts around ``lerp``."""
    changed = 0
    for node in calls(graph, aten.lerp.Scalar, aten.lerp.Tensor):
        start, end, part = node.args[:3]
        like = tensor_meta(node)
        way = emit(node, aten.sub.Tensor, end, start, like=like)
        gone = emit(node, aten.mul.Tensor, way, part, like=like)
        replace(node, emit(node, aten.add.Tensor, start, gone, like=like))
        changed += 1
    for node in calls(graph, aten.add.Tensor, aten.sub.Tensor):
        if set(node.kwargs) != {"alpha"}:
            continue
        factor, (first, second) = node.kwargs["alpha"], node.args[:2]
        if factor != 1:
            second = emit(node, aten.mul.Tensor, second, factor, like=tensor_meta(second))
        node.args, node.kwargs = (first, second), {}
        changed += 1
    return changed


def fold_affine(graph: GraphModule) -> int:
    """Fold batch norms in eval mode and products, quotients, sums and differences with constants
    into the convolution or linear layer that they follow, if nothing else reads it.

    W' = W * gamma / sqrt(var + eps) and b' = (b - mean) * gamma / sqrt(var + eps) + beta
    (arXiv:1806.08342, section 3.2.2), with the batch norm's own eps; a frozen batch norm and a
    layer scale are products and sums.
    """
    changed = 0
    for node in calls(graph, aten.batch_norm.default, *_ARITHMETIC):
        layer = next((arg for arg in node.args[:2] if is_call(arg, *_LAYERS)), None)
        if not isinstance(layer, Node) or only_user(layer) is not node:
            continue
        weight = layer.args[1]
        affine = affine_of(graph, node, layer, linear=is_call(layer, aten.linear.default))
        if affine is None or not isinstance(weight, Node) or not is_constant(weight):
            continue
        _fold(graph, layer, weight, affine)
        node.replace_all_uses_with(layer)
        graph.graph.erase_node(node)
        changed += 1
    return changed


def batch_norm_as_layer(graph: GraphModule) -> int:
    """Write batch norms of maps and features that follow no layer as depthwise convolutions of one
    pixel, which have integer kernels; ResNetV2, DenseNet and RepVGG have them, and heads behind a
    pool."""
    changed = 0
    for norm in calls(graph, aten.batch_norm.default):
        source = norm.args[0]
        assert isinstance(source, Node)
        features = tensor_meta(source)
        flat = features is not None and features.ndim == 2
        affine = affine_of(graph, norm, source, linear=flat)
        if affine is None or len(shape_of(norm)) not in (2, 4):
            continue
        channels = int(shape_of(norm)[1])
        if features is not None and flat:
            pixel = features[:, :, None, None]
            source = emit(norm, aten.reshape.default, source, [-1, channels, 1, 1], like=pixel)
        factor = affine.factor.float().expand(channels).reshape(-1, 1, 1, 1)
        weight = constant(graph, norm, f"{norm.name}_weight", factor)
        bias = constant(graph, norm, f"{norm.name}_bias", affine.shift.float().expand(channels))
        ones = [1, 1]
        arguments = (source, weight, bias, ones, [0, 0], ones, channels)
        layer = emit(norm, aten.conv2d.default, *arguments, like=tensor_meta(source))
        if flat:
            layer = emit(norm, aten.reshape.default, layer, [-1, channels])
        replace(norm, layer)
        changed += 1
    return changed


def affine_of(graph: GraphModule, node: Node, source: Node, *, linear: bool) -> Affine | None:
    """What ``node`` does to each channel of ``source``, if it is that; channels are the last
    dimension behind a ``linear`` layer, else the second."""
    shape = tensor_meta(source)
    if shape is None or (shape.ndim != 4 and not linear):
        return None
    if is_call(node, aten.batch_norm.default):
        return _batch_norm(graph, node) if not linear or shape.ndim == 2 else None
    first, second = node.args[:2]
    if node.kwargs:
        return None
    other = _per_channel(graph, second if first is source else first, shape, linear=linear)
    if other is None:
        return None
    one, nothing = torch.ones(1).double(), torch.zeros(1).double()
    if is_call(node, aten.mul.Tensor):
        return Affine(other, nothing)
    if is_call(node, aten.div.Tensor):
        return Affine(1 / other, nothing) if first is source else None
    sign = 1.0 if is_call(node, aten.add.Tensor) else -1.0
    if first is source:
        return Affine(one, sign * other)
    return Affine(one * sign, other)


def _batch_norm(graph: GraphModule, norm: Node) -> Affine | None:
    gamma, beta, mean, var = (_parameter(graph, argument(norm, i)) for i in (1, 2, 3, 4))
    if mean is None or var is None or bool(argument(norm, 5, False)):
        return None
    eps = float(argument(norm, 7, 1e-5))
    factor = torch.rsqrt(var.double() + eps) * (1.0 if gamma is None else gamma.double())
    return Affine(factor, -mean.double() * factor + (0.0 if beta is None else beta.double()))


def _per_channel(graph: GraphModule, value: object, like: Tensor, *, linear: bool) -> Tensor | None:
    """A number or constant as (channels,) or (1,), float64; None for what differs elsewhere."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return torch.tensor([float(value)]).double()
    if not isinstance(value, Node) or not is_constant(value):
        return None
    tensor = tensor_of(graph, value)
    channel = like.ndim - 1 if linear else 1
    shape = [1] * (like.ndim - tensor.ndim) + list(tensor.shape)
    if tensor.ndim > like.ndim or not tensor.is_floating_point():
        return None
    if any(size != 1 for place, size in enumerate(shape) if place != channel):
        return None
    if shape[channel] not in (1, int(like.shape[channel])):
        return None
    return tensor.double().reshape(-1)


def _fold(graph: GraphModule, layer: Node, weight_node: Node, affine: Affine) -> None:
    weight, bias = tensor_of(graph, weight_node), bias_of(graph, layer)
    bias = torch.zeros(1) if bias is None else bias
    transposed = is_call(layer, aten.conv_transpose2d.input)
    groups = int(argument(layer, 6, 1)) if transposed else 1
    channels = weight.shape[1] * groups if transposed else weight.shape[0]
    factor = affine.factor.expand(channels)
    shift = (bias.double() * factor + affine.shift).expand(channels)
    if transposed:  # (in, out / groups, h, w)
        rows = weight.double().reshape(groups, -1, *weight.shape[1:])
        folded = (rows * factor.reshape(groups, 1, -1, 1, 1)).reshape(weight.shape)
    else:
        folded = weight.double() * factor.reshape(-1, *[1] * (weight.ndim - 1))
    name = str(weight_node.target).replace(".", "_")
    made: Any = weight.dtype
    set_argument(layer, 1, constant(graph, layer, f"{name}_folded", folded.to(made)))
    set_argument(layer, 2, constant(graph, layer, f"{name}_bias", shift.to(made)))


def _parameter(graph: GraphModule, node: object) -> Tensor | None:
    return tensor_of(graph, node) if isinstance(node, Node) else None
