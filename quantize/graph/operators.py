"""What a graph's operators are to an integer runtime, and which of them are to run in integers."""

from __future__ import annotations

from typing import Any

from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import argument, aten, is_call, is_constant

WEIGHTED = (aten.conv2d.default, aten.linear.default)
_ARITHMETIC = (aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor)
ACTIVATIONS = (
    aten.relu.default,
    aten.hardtanh.default,
    aten.hardswish.default,
    aten.hardsigmoid.default,
    aten.sigmoid.default,
    aten.silu.default,
    aten.leaky_relu.default,
)
POOLS = (aten.adaptive_avg_pool2d.default, aten.avg_pool2d.default)
#: Values that only move or select; they keep the scale of what they read.
MOVES = (
    aten.flatten.using_ints,
    aten.reshape.default,
    aten.permute.default,
    aten.max_pool2d.default,
    aten.amax.default,
    aten.upsample_nearest2d.vec,
    aten.upsample_bilinear2d.vec,
    aten.squeeze.dim,
    aten.squeeze.dims,
    aten.squeeze.default,
    aten.unsqueeze.default,
    aten.slice.Tensor,
    aten.select.int,
    aten.index.Tensor,
    aten.index_select.default,
    aten.expand.default,
    aten.expand_as.default,
    aten.repeat.default,
    aten.tile.default,
    aten.repeat_interleave.self_int,
    aten.roll.default,
    aten.flip.default,
    aten.pixel_shuffle.default,
    aten.pixel_unshuffle.default,
    aten.reflection_pad2d.default,
    aten.replication_pad2d.default,
)
_MOVING_PADS = ("reflect", "replicate")
#: Functions that are steep near zero, and the argument that they are steep in: of what an int8
#: grid rounds to zero there they make anything.
_STEEP: dict[object, int] = {
    aten.sqrt.default: 0,
    aten.rsqrt.default: 0,
    aten.reciprocal.default: 0,
    aten.log.default: 0,
    aten.log2.default: 0,
    aten.log10.default: 0,
    aten.div.Tensor: 1,
    aten.pow.Tensor_Scalar: 0,
}
#: Those whose results near zero are many times larger than elsewhere.
_UNBOUNDED = (
    aten.rsqrt.default,
    aten.reciprocal.default,
    aten.div.Tensor,
    aten.pow.Tensor_Scalar,
)
_CLAMPS = (aten.relu.default, aten.hardtanh.default)


def integer_operators(graph: GraphModule) -> set[Node]:
    """The operators that are to run in integers: layers, and what has an integer form and stands
    behind a layer or the image, or in front of a layer, with nothing between in float.

    The rest computes with what float operators made: coordinates of boxes, their overlaps, the
    matrices of a pooling. A grid of 256 steps over a picture would move boxes by pixels, and no
    layer would gain. A product is one of these as soon as one factor is. So does what nothing reads
    but a function that is steep near zero, and a product with what such a function made: their
    values are of many sizes, of which 256 steps keep the largest.
    """
    nodes = list(graph.graph.nodes)
    layers = {node for node in nodes if is_call(node, *WEIGHTED) and _has_integer_form(node)}
    passing = {node for node in nodes if carries(node) or _has_integer_form(node)} - layers
    passing -= _steep_arguments(graph) | _steep_products(graph)
    behind: set[Node] = set()
    for node in nodes:
        parts = [part for part in node.all_input_nodes if part.op != "get_attr"]
        needs = all if is_call(node, aten.mul.Tensor) else any
        passes = node in passing and needs(part in behind for part in parts)
        if passes or node in layers or node.op == "placeholder":
            behind.add(node)
    before: set[Node] = set()
    for node in reversed(nodes):
        if node in layers or (node in passing and any(user in before for user in node.users)):
            before.add(node)
    return {node for node in behind | before if _has_integer_form(node)}


def _steep_in(node: Node) -> Node | None:
    """The value that ``node`` is a steep function of, near zero."""
    place = _STEEP.get(node.target) if node.op == "call_function" else None
    if place is None:
        return None
    exponent: Any = node.args[1] if is_call(node, aten.pow.Tensor_Scalar) else 0.0
    value = node.args[place]
    return value if exponent < 1 and isinstance(value, Node) and not is_constant(value) else None


def _steep_arguments(graph: GraphModule) -> set[Node]:
    """What reaches nothing but steep functions, through whatever is neither a layer nor the clamp
    that is part of one."""
    found: set[Node] = set()
    for node in reversed(graph.graph.nodes):
        source = node.args[0] if node.args else None
        of_layer = is_call(node, *_CLAMPS) and is_call(source, *WEIGHTED)
        if node.op != "call_function" or is_call(node, *WEIGHTED) or of_layer or not node.users:
            continue
        if all(user in found or _steep_in(user) is node for user in node.users):
            found.add(node)
    return found


def _steep_products(graph: GraphModule) -> set[Node]:
    """Products with a factor that an unbounded function made, at most moved since."""
    made: set[Node] = set()
    products: set[Node] = set()
    for node in graph.graph.nodes:
        reads = not made.isdisjoint(node.all_input_nodes)
        if (is_call(node, *_UNBOUNDED) and _steep_in(node)) or (carries(node) and reads):
            made.add(node)
        elif is_call(node, aten.mul.Tensor) and reads:
            products.add(node)
    return products


def carries(node: Node) -> bool:
    """Whether ``node`` moves, selects, joins or pads with zeros: exact on the grid of its input."""
    return is_call(node, *MOVES, aten.cat.default) or is_zero_pad(node) or is_moving_pad(node)


def _has_integer_form(node: Node) -> bool:
    """Whether runtimes have an integer kernel for ``node`` where all it reads is int8."""
    if is_call(node, *WEIGHTED):
        return is_constant(node.args[1])
    if is_call(node, *_ARITHMETIC):
        return len([a for a in node.args[:2] if isinstance(a, Node) and a.op != "get_attr"]) == 2
    return is_call(node, *ACTIVATIONS, *POOLS)


def is_moving_pad(node: Node) -> bool:
    """Whether ``node`` pads with values of the map itself."""
    return is_call(node, aten.pad.default) and argument(node, 2, "constant") in _MOVING_PADS


def is_zero_pad(node: Node) -> bool:
    """Whether ``node`` pads with zeros, which is exact in int8: the zero point represents them."""
    if is_call(node, aten.constant_pad_nd.default):
        value: Any = node.args[2] if len(node.args) > 2 else 0
        return bool(value == 0)
    if is_call(node, aten.pad.default):
        mode: Any = node.args[2] if len(node.args) > 2 else "constant"
        value = node.args[3] if len(node.args) > 3 else None
        return bool(mode == "constant" and not value)
    return False
