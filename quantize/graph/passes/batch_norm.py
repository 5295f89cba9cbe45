"""Folding batch normalization into the convolution in front of it."""

from __future__ import annotations

import torch
from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    argument,
    aten,
    calls,
    constant,
    is_call,
    only_user,
    set_argument,
    tensor_of,
)


def fold_batch_norm(graph: GraphModule) -> int:
    """Fold every eval-mode batch norm that follows a convolution used by nothing else.

    W' = W * gamma / sqrt(var + eps) and b' = (b - mean) * gamma / sqrt(var + eps) + beta
    (arXiv:1806.08342, section 3.2.2), with the layer's own eps.
    """
    changed = 0
    for norm in calls(graph, aten.batch_norm.default):
        conv = norm.args[0]
        if not is_call(conv, aten.conv2d.default, aten.conv2d.padding):
            continue
        assert isinstance(conv, Node)
        if only_user(conv) is not norm:
            continue
        gamma, beta, mean, var = (_parameter(graph, argument(norm, i)) for i in (1, 2, 3, 4))
        assert mean is not None and var is not None
        weight_node = conv.args[1]
        assert isinstance(weight_node, Node)
        weight = tensor_of(graph, weight_node)
        bias_node = argument(conv, 2)
        bias = tensor_of(graph, bias_node) if isinstance(bias_node, Node) else 0.0
        eps = float(argument(norm, 7, 1e-5))
        factor = torch.rsqrt(var.double() + eps) * (1.0 if gamma is None else gamma.double())
        shift = (bias - mean.double()) * factor + (0.0 if beta is None else beta.double())
        folded = weight.double() * factor.reshape(-1, 1, 1, 1)
        name = str(weight_node.target).replace(".", "_")
        set_argument(conv, 1, constant(graph, conv, f"{name}_folded", folded.to(weight.dtype)))
        set_argument(conv, 2, constant(graph, conv, f"{name}_bias", shift.to(weight.dtype)))
        norm.replace_all_uses_with(conv)
        graph.graph.erase_node(norm)
        changed += 1
    return changed


def _parameter(graph: GraphModule, node: object) -> torch.Tensor | None:
    return tensor_of(graph, node) if isinstance(node, Node) else None
