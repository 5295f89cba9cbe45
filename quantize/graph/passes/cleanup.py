"""Rewrites that remove what capture leaves behind."""

from __future__ import annotations

from typing import Any

from torch.fx import GraphModule, Node
from torch.fx.graph import CodeGen

from quantize.graph.passes.surgery import argument, aten, calls, is_call, same_shape, tensor_meta

_DROPOUTS: tuple[Any, ...] = (
    aten.dropout.default,
    aten.dropout_.default,
    aten.feature_dropout.default,
    aten.feature_dropout_.default,
    aten.alpha_dropout.default,
    aten.alpha_dropout_.default,
    aten.feature_alpha_dropout.default,
    aten.feature_alpha_dropout_.default,
)
_IDENTITIES: tuple[Any, ...] = (
    *_DROPOUTS,
    aten.clone.default,
    aten.contiguous.default,
    aten.detach.default,
    aten.detach_.default,
    aten.alias.default,
    aten.lift_fresh.default,
    aten.lift_fresh_copy.default,
    aten.positive.default,
)
#: Operators by their overloads' common name that may do nothing: casts and moves to a device.
_CASTS = (aten.to, aten._to_copy, aten.type_as)
#: Arithmetic and the number that it does nothing with.
_NEUTRAL: dict[Any, int] = {
    aten.add.Tensor: 0,
    aten.sub.Tensor: 0,
    aten.mul.Tensor: 1,
    aten.div.Tensor: 1,
}
_GUARDS = ("_assert_", "sym_constrain_range")


def in_place(node: Node) -> bool:
    """Whether ``node`` changes one of its inputs."""
    schema = getattr(node.target, "_schema", None)
    return node.op == "call_function" and schema is not None and bool(schema.is_mutable)


def functional_form(target: Any) -> Any | None:
    """The operator that returns what the in-place operator ``target`` writes; None where ATen has
    none of the same arguments."""
    name, overload = str(target).split(".")[1:]
    packet = getattr(aten, name.removesuffix("_"), None)
    if not name.endswith("_") or packet is None or overload not in packet.overloads():
        return None
    return getattr(packet, overload)


def functionalize(graph: GraphModule) -> int:
    """Replace in-place activations and arithmetic by their functional forms.

    Capture records the mutated value's later uses as uses of the mutating node, so the functional
    node sees the same users. Other views of the value do not see the change; ``capture`` notices,
    and has torch functionalize the graph.
    """
    changed = 0
    for node in [n for n in graph.graph.nodes if in_place(n)]:
        form = functional_form(node.target)
        if form is not None and node.target not in _IDENTITIES:
            node.target = form
            changed += 1
    return changed


def drop_identities(graph: GraphModule) -> int:
    """Remove dropout (in eval mode), copies, casts to the type a value has, slices of everything,
    sums with 0 and products with 1, and capture's input guards.

    LiteRT's converter drops such sums by itself, and with them the change of grid that they are.
    """
    changed = 0
    for node in [n for n in graph.graph.nodes if _is_identity(n)]:
        source = node.args[0]
        assert isinstance(source, Node)
        node.replace_all_uses_with(source)
        graph.graph.erase_node(node)
        changed += 1
    for node in list(graph.graph.nodes):
        guard = node.op == "call_module" and str(node.target) == "_guards_fn"
        checked = node.op == "call_function" and any(g in str(node.target) for g in _GUARDS)
        if (guard or checked) and not node.users:
            graph.graph.erase_node(node)
            changed += 1
    for node in calls(graph, aten.softmax.int, aten.log_softmax.int):
        before = tensor_meta(node.args[0])
        if before is not None and argument(node, 2) == before.dtype:
            node.args = node.args[:2]
            changed += 1
    return changed


def _is_identity(node: Node) -> bool:
    if is_call(node, *_IDENTITIES):
        return True
    if node.op != "call_function":
        return False
    before, after = (tensor_meta(n) for n in (node.args[0] if node.args else None, node))
    if before is None or after is None or before.dtype != after.dtype:
        return False
    if getattr(node.target, "overloadpacket", None) in _CASTS:
        return True
    if node.target in _NEUTRAL:
        other = node.args[1]
        return isinstance(other, (int, float)) and other == _NEUTRAL[node.target]
    return is_call(
        node, aten.slice.Tensor, aten.expand.default, aten.expand_as.default
    ) and same_shape(before, after)


def plain_signature(graph: GraphModule) -> int:
    """Let the graph take a plain tensor and return one or a flat tuple of several: drop capture's
    pytrees."""
    graph.graph.set_codegen(CodeGen())
    output = graph.graph.output_node()
    values = output.args[0]
    if isinstance(values, (list, tuple)) and len(values) == 1:
        output.args = (values[0],)
        return 1
    return 0
