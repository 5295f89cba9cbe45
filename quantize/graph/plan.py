"""Which values of a canonical graph become int8.

A value is quantized where an integer kernel makes or reads it. A clamp that directly follows a
convolution or an addition belongs to it (every runtime fuses it), so the value *after* the clamp
is quantized and the one before never exists in int8: observing it would waste the grid on what
the clamp cuts off (EfficientNet-Lite0: 4.7 points of top-1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch.fx import GraphModule, Node

from quantize.graph.passes.activations import clamp_bounds
from quantize.graph.passes.surgery import aten, is_call, only_user
from quantize.qparams import QParams

WEIGHTED = (aten.conv2d.default, aten.linear.default)
_CLAMPS = (aten.relu.default, aten.hardtanh.default)
_ARITHMETIC = (aten.add.Tensor, aten.mul.Tensor)
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
    aten.view.default,
    aten.reshape.default,
    aten.permute.default,
    aten.max_pool2d.default,
    aten.upsample_nearest2d.vec,
    aten.squeeze.dim,
    aten.squeeze.dims,
    aten.unsqueeze.default,
    aten.slice.Tensor,
)


@dataclass(frozen=True)
class Plan:
    """The values to quantize.

    ``observed`` have ranges of their own, in execution order; ``shared`` maps a value to the
    observed one whose scale it takes; ``weighted`` are the convolutions and linear layers whose
    weights become int8.
    """

    observed: tuple[str, ...]
    shared: dict[str, str]
    weighted: tuple[str, ...]

    def weights_only(self) -> Plan:
        """This plan with every value in float; only weights become int8."""
        return Plan(observed=(), shared={}, weighted=self.weighted)

    def owner(self, name: str) -> str | None:
        """The observed value whose scale ``name`` has, or None where it stays float."""
        if name in self.shared:
            return self.shared[name]
        return name if name in self.observed else None


def carries(node: Node) -> bool:
    """Whether ``node`` moves, selects, joins or pads with zeros: exact on the grid of its input."""
    return is_call(node, *MOVES, aten.cat.default) or is_zero_pad(node)


def fused_clamp(node: Node) -> Node | None:
    """The clamp that belongs to ``node``, a convolution, linear layer or addition."""
    if not is_call(node, *WEIGHTED, aten.add.Tensor, aten.mul.Tensor):
        return None
    user = only_user(node)
    return user if user is not None and is_call(user, *_CLAMPS) else None


def saturates(clamp: Node, grid: QParams) -> bool:
    """Whether rounding to ``grid`` does all that ``clamp``, a relu or hardtanh, does.

    int8 saturates at the ends of its grid, so a clamp at the same ends is free.
    """
    relu = is_call(clamp, aten.relu.default)
    low, high = (0.0, float("inf")) if relu else clamp_bounds(clamp)
    slack = 0.01 * grid.scale
    return grid.low >= low - slack and grid.high <= high + slack


def limits(node: Node) -> tuple[float, float]:
    """The interval outside of which no value of ``node`` matters to its readers.

    Exact mathematics: the image of a clamp, hard-swish or gate, and what hard-swish (zero up to
    -3) and hard-sigmoid (saturated outside [-3, 3]) can tell apart.
    """
    low, high = float("-inf"), float("inf")
    if is_call(node, aten.relu.default):
        low = 0.0
    elif is_call(node, aten.hardtanh.default):
        low, high = clamp_bounds(node)
    elif is_call(node, aten.hardswish.default):
        low = -0.375
    elif is_call(node, aten.silu.default):
        low = -0.2785
    elif is_call(node, aten.hardsigmoid.default, aten.sigmoid.default):
        low, high = 0.0, 1.0
    readers = list(node.users)
    if readers and all(is_call(reader, aten.hardswish.default) for reader in readers):
        low = max(low, -3.0)
    if readers and all(is_call(reader, aten.hardsigmoid.default) for reader in readers):
        low, high = max(low, -3.0), min(high, 3.0)
    return low, high


def _tensor_inputs(node: Node) -> list[Node]:
    return [a for a in node.args[:2] if isinstance(a, Node) and a.op != "get_attr"]


def plan(graph: GraphModule) -> Plan:
    """Choose the int8 values of a canonical graph."""
    observed: dict[str, None] = {}
    shared: dict[str, str] = {}
    weighted: list[str] = []

    def owned(name: str) -> str:
        while name in shared:
            name = shared[name]
        return name

    for node in graph.graph.nodes:
        if node.op == "placeholder":
            observed[node.name] = None
            continue
        if node.op != "call_function":
            continue
        if is_call(node, *WEIGHTED):
            weight = node.args[1]
            if isinstance(weight, Node) and weight.op == "get_attr":
                weighted.append(node.name)
            else:
                continue
        elif is_call(node, *MOVES) or is_zero_pad(node):
            source = owned(node.args[0].name)
            if source in observed:
                shared[node.name] = source
            continue
        elif is_call(node, aten.cat.default):
            parts = [owned(part.name) for part in node.args[0]]
            if all(part in observed for part in parts):
                for part in parts[1:]:
                    if part != parts[0]:
                        observed.pop(part)
                        shared[part] = parts[0]
                shared[node.name] = parts[0]
            continue
        elif is_call(node, *_ARITHMETIC):
            if len(_tensor_inputs(node)) != 2:
                continue
        elif not is_call(node, *ACTIVATIONS, *POOLS):
            continue
        if fused_clamp(node) is None:
            observed[node.name] = None
    resolved = {name: owned(name) for name in shared}
    return Plan(tuple(observed), resolved, tuple(weighted))


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
