"""Rewrites that remove what capture leaves behind."""

from __future__ import annotations

from typing import Any

from torch.fx import GraphModule, Node
from torch.fx.graph import CodeGen

from quantize.graph.passes.surgery import aten, calls

_FUNCTIONAL: dict[Any, Any] = {
    aten.hardswish_.default: aten.hardswish.default,
    aten.hardsigmoid_.default: aten.hardsigmoid.default,
    aten.hardtanh_.default: aten.hardtanh.default,
    aten.relu_.default: aten.relu.default,
    aten.relu6_.default: aten.relu6.default,
    aten.silu_.default: aten.silu.default,
    aten.sigmoid_.default: aten.sigmoid.default,
    aten.add_.Tensor: aten.add.Tensor,
    aten.mul_.Tensor: aten.mul.Tensor,
    aten.sub_.Tensor: aten.sub.Tensor,
    aten.div_.Tensor: aten.div.Tensor,
    aten.clamp_.default: aten.clamp.default,
}

_IDENTITIES: tuple[Any, ...] = (
    aten.dropout.default,
    aten.dropout_.default,
    aten.feature_dropout.default,
    aten.clone.default,
    aten.contiguous.default,
    aten.detach.default,
    aten.alias.default,
    aten.lift_fresh_copy.default,
)


def functionalize(graph: GraphModule) -> int:
    """Replace in-place activations and arithmetic by their functional forms.

    Capture records the mutated value's later uses as uses of the mutating node, so the functional
    node sees the same users.
    """
    changed = 0
    for node in calls(graph, *_FUNCTIONAL):
        node.target = _FUNCTIONAL[node.target]
        changed += 1
    return changed


def drop_identities(graph: GraphModule) -> int:
    """Remove dropout (in eval mode), copies and capture's input guards."""
    changed = 0
    for node in calls(graph, *_IDENTITIES):
        source = node.args[0]
        assert isinstance(source, Node)
        node.replace_all_uses_with(source)
        graph.graph.erase_node(node)
        changed += 1
    for node in list(graph.graph.nodes):
        guard = node.op == "call_module" and str(node.target) == "_guards_fn"
        checked = node.op == "call_function" and "_assert_tensor_metadata" in str(node.target)
        if guard or checked:
            graph.graph.erase_node(node)
            changed += 1
    return changed


def plain_signature(graph: GraphModule) -> int:
    """Let the graph take and return plain tensors: drop capture's pytrees and a tuple of one."""
    graph.graph.set_codegen(CodeGen())
    output = graph.graph.output_node()
    values = output.args[0]
    if isinstance(values, (list, tuple)) and len(values) == 1:
        output.args = (values[0],)
        return 1
    return 0
