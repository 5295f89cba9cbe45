"""One node for every hard activation, however the network wrote it."""

from __future__ import annotations

from typing import Any

from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import (
    argument,
    aten,
    calls,
    emit,
    is_call,
    is_constant,
    number,
    replace,
    tensor_meta,
    tensor_of,
)

_CLAMPS = (
    aten.hardtanh.default,
    aten.relu6.default,
    aten.clamp.default,
    aten.clamp_min.default,
    aten.clamp_max.default,
)


def fuse_hard_activations(graph: GraphModule) -> int:
    """Write relu6 and clamp as ``hardtanh``; relu6(x+3)/6 as ``hardsigmoid``; its product with x
    as ``hardswish`` (arXiv:1905.02244, section 5.2), in any order of multiply and divide."""
    return _unify_clamps(graph) + _fuse_hard_sigmoid(graph) + _fuse_hard_swish(graph)


def unify_activations(graph: GraphModule) -> int:
    """Write what activations become in evaluation, or for the parameters they have, as ones with
    integer kernels: a PReLU of one slope and a randomized ReLU as ``leaky_relu``; a gated linear
    unit, a log-sigmoid and a CELU (arXiv:1704.07483) as what they are made of."""
    changed = _log_sigmoids(graph) + _celus(graph)
    for node in calls(graph, aten.prelu.default):
        slope = node.args[1]
        if isinstance(slope, Node) and is_constant(slope):
            slopes = tensor_of(graph, slope).reshape(-1)
            if bool((slopes == slopes[0]).all()):
                node.target = aten.leaky_relu.default
                node.args = (node.args[0], float(slopes[0]))
                changed += 1
    for node in calls(graph, aten.rrelu.default):
        ends = float(argument(node, 1, 1 / 8)), float(argument(node, 2, 1 / 3))
        node.target, node.args = aten.leaky_relu.default, (node.args[0], sum(ends) / 2)
        changed += 1
    for node in calls(graph, aten.threshold.default):
        if float(argument(node, 1)) == 0.0 == float(argument(node, 2)):
            node.target, node.args = aten.relu.default, node.args[:1]
            changed += 1
    for node in calls(graph, aten.glu.default):
        like, source = tensor_meta(node), node.args[0]
        if like is None:
            continue
        dim = int(argument(node, 1, -1)) % like.ndim
        size = int(like.shape[dim])
        value = emit(node, aten.slice.Tensor, source, dim, 0, size, like=like)
        gate = emit(node, aten.slice.Tensor, source, dim, size, 2 * size, like=like)
        opened = emit(node, aten.sigmoid.default, gate, like=like)
        replace(node, emit(node, aten.mul.Tensor, value, opened))
        changed += 1
    return changed


def _log_sigmoids(graph: GraphModule) -> int:
    """log(sigmoid(x)) = -softplus(-x)."""
    changed = 0
    for node in calls(graph, aten.log_sigmoid.default):
        like = tensor_meta(node)
        negative = emit(node, aten.neg.default, node.args[0], like=like)
        grown = emit(node, aten.softplus.default, negative, like=like)
        replace(node, emit(node, aten.neg.default, grown))
        changed += 1
    return changed


def _celus(graph: GraphModule) -> int:
    """a * elu(x / a)."""
    changed = 0
    for node in calls(graph, aten.celu.default):
        like, alpha, value = tensor_meta(node), float(argument(node, 1, 1.0)), node.args[0]
        if alpha == 1.0:
            node.target, node.args = aten.elu.default, (value, 1.0)
        else:
            narrow = number(graph, node, f"{node.name}_narrow", 1 / alpha)
            wide = number(graph, node, f"{node.name}_wide", alpha)
            value = emit(node, aten.mul.Tensor, value, narrow, like=like)
            value = emit(node, aten.elu.default, value, 1.0, like=like)
            replace(node, emit(node, aten.mul.Tensor, value, wide))
        changed += 1
    return changed


def clamp_bounds(node: Node) -> tuple[float, float]:
    """Lower and upper bound of a clamp, relu6 or hardtanh call; infinite where there is none."""
    if node.target == aten.relu6.default:
        return 0.0, 6.0
    if node.target == aten.hardtanh.default:
        return float(argument(node, 1, -1.0)), float(argument(node, 2, 1.0))
    low = argument(node, 1, node.kwargs.get("min"))
    high = argument(node, 2, node.kwargs.get("max"))
    if node.target == aten.clamp_max.default:
        low, high = None, low
    return (
        float("-inf") if low is None else float(low),
        float("inf") if high is None else float(high),
    )


def _unify_clamps(graph: GraphModule) -> int:
    changed = 0
    for node in calls(graph, *_CLAMPS):
        low, high = clamp_bounds(node)
        if node.target == aten.hardtanh.default and high < float("inf"):
            # coremltools refuses an integer beside a float.
            node.args = (node.args[0], low, high)
            continue
        if (low, high) == (0.0, float("inf")):
            node.target, node.args = aten.relu.default, (node.args[0],)
        elif float("-inf") < low and high < float("inf"):
            node.target, node.args = aten.hardtanh.default, (node.args[0], low, high)
        else:
            continue
        node.kwargs = {}
        changed += 1
    return changed


def _scalar(node: Node, target: Any) -> tuple[Node, float] | None:
    """``node`` as (tensor operand, number) where it applies ``target`` to a tensor and a number."""
    if not is_call(node, target) or node.kwargs:
        return None
    left, right = node.args[0], argument(node, 1)
    if isinstance(left, Node) and isinstance(right, (int, float)):
        return left, float(right)
    return None


def _relu6_of_x_plus_3(node: Node) -> Node | None:
    if not is_call(node, aten.hardtanh.default) or clamp_bounds(node) != (0.0, 6.0):
        return None
    inner = node.args[0]
    added = _scalar(inner, aten.add.Tensor) if isinstance(inner, Node) else None
    return added[0] if added is not None and added[1] == 3.0 else None


def _sixth(node: object) -> Node | None:
    """The operand of a division by 6 (or of a multiplication by 1/6)."""
    if not isinstance(node, Node):
        return None
    divided = _scalar(node, aten.div.Tensor)
    if divided is not None and divided[1] == 6.0:
        return divided[0]
    scaled = _scalar(node, aten.mul.Tensor)
    if scaled is not None and abs(scaled[1] * 6.0 - 1.0) < 1e-6:
        return scaled[0]
    return None


def _fuse_hard_sigmoid(graph: GraphModule) -> int:
    changed = 0
    for node in calls(graph, aten.div.Tensor, aten.mul.Tensor):
        inner = _sixth(node)
        source = _relu6_of_x_plus_3(inner) if inner is not None else None
        if source is None:
            continue
        with graph.graph.inserting_before(node):
            fused = graph.graph.call_function(aten.hardsigmoid.default, (source,))
        replace(node, fused)
        changed += 1
    return changed


def _product_with_itself(node: Node) -> Node | None:
    """x where ``node`` is x * hardsigmoid(x)."""
    if not is_call(node, aten.mul.Tensor):
        return None
    for x, gate in (node.args[:2], reversed(node.args[:2])):
        if is_call(gate, aten.hardsigmoid.default):
            assert isinstance(gate, Node)
            if isinstance(x, Node) and gate.args[0] is x:
                return x
    return None


def _sixth_of_product(node: Node) -> Node | None:
    """x where ``node`` is (x * relu6(x + 3)) / 6 or (x / 6) * relu6(x + 3)."""
    product = _sixth(node)
    if product is not None and is_call(product, aten.mul.Tensor):
        pairs = [(product.args[0], product.args[1]), (product.args[1], product.args[0])]
    elif is_call(node, aten.mul.Tensor):
        a, b = node.args[:2]
        pairs = [(_sixth(a), b), (_sixth(b), a)]
    else:
        return None
    for x, gate in pairs:
        if isinstance(x, Node) and isinstance(gate, Node) and _relu6_of_x_plus_3(gate) is x:
            return x
    return None


def _fuse_hard_swish(graph: GraphModule) -> int:
    changed = 0
    for node in calls(graph, aten.mul.Tensor, aten.div.Tensor):
        source = _product_with_itself(node) or _sixth_of_product(node)
        if source is None:
            continue
        with graph.graph.inserting_before(node):
            fused = graph.graph.call_function(aten.hardswish.default, (source,))
        replace(node, fused)
        changed += 1
    return changed
