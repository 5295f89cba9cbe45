"""Every layer its own parameters."""

from __future__ import annotations

from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    aten,
    bias_of,
    calls,
    constant,
    set_argument,
    tensor_of,
)


def own_parameters(graph: GraphModule) -> int:
    """Give each convolution and linear layer a weight and a bias that nothing else reads.

    Bias correction needs a bias everywhere, and a layer called twice has two input scales.
    """
    changed = 0
    for node in calls(graph, aten.conv2d.default, aten.linear.default):
        weight_node = node.args[1]
        if not (isinstance(weight_node, Node) and weight_node.op == "get_attr"):
            continue
        weight, bias = tensor_of(graph, weight_node), bias_of(graph, node)
        bias = weight.new_zeros(weight.shape[0]) if bias is None else bias
        set_argument(node, 1, constant(graph, node, f"{node.name}_weight", weight))
        set_argument(node, 2, constant(graph, node, f"{node.name}_bias", bias))
        changed += 1
    return changed
