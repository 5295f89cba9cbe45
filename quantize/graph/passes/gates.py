"""The squeeze-excite gate in integer arithmetic."""

from __future__ import annotations

from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    aten,
    bias_of,
    calls,
    constant,
    is_call,
    only_user,
    replace,
    set_argument,
    tensor_of,
)


def fold_hard_sigmoid(graph: GraphModule) -> int:
    """Write conv -> hardsigmoid as conv' -> clamp(0, 1) with W' = W/6 and b' = b/6 + 1/2.

    hardsigmoid(x) = clamp(x/6 + 1/2, 0, 1), so this is exact. No runtime here has a quantized
    hardsigmoid kernel; all fuse the clamp into the convolution, where it costs nothing.
    """
    changed = 0
    for gate in calls(graph, aten.hardsigmoid.default):
        conv = gate.args[0]
        if not is_call(conv, aten.conv2d.default, aten.linear.default):
            continue
        assert isinstance(conv, Node)
        if only_user(conv) is not gate:
            continue
        weight_node = conv.args[1]
        assert isinstance(weight_node, Node)
        weight, bias = tensor_of(graph, weight_node), bias_of(graph, conv)
        bias = weight.new_zeros(()) if bias is None else bias
        name = str(weight_node.target).replace(".", "_")
        shifted = (bias / 6 + 0.5).expand(weight.shape[0])
        set_argument(conv, 1, constant(graph, conv, f"{name}_sixth", weight / 6))
        set_argument(conv, 2, constant(graph, conv, f"{name}_shifted", shifted))
        with graph.graph.inserting_before(gate):
            clamp = graph.graph.call_function(aten.hardtanh.default, (conv, 0.0, 1.0))
        replace(gate, clamp)
        changed += 1
    return changed
