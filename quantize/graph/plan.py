"""Which values of a canonical graph become int8.

A value is quantized where an integer kernel makes or reads it. A clamp that directly follows a
convolution or an addition belongs to it (every runtime fuses it), so the value *after* the clamp
is quantized and the one before never exists in int8: observing it would waste the grid on what
the clamp cuts off (EfficientNet-Lite0: 4.7 points of top-1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch.fx import GraphModule, Node

from quantize.graph.operators import ACTIVATIONS, WEIGHTED, carries, integer_operators
from quantize.graph.passes.activations import clamp_bounds
from quantize.graph.passes.surgery import (
    aten,
    is_call,
    only_user,
    tensor_meta,
)
from quantize.qparams import QParams

_CLAMPS = (aten.relu.default, aten.hardtanh.default)

#: An integer sigmoid's range: 256 steps of 1/256 from 0, the only grid that QNNPACK's kernel writes
#: (qnnpack/src/sigmoid.c). The others take it too, so one scale means the same everywhere.
SIGMOID = (0.0, 255 / 256)
#: What an integer sigmoid tells apart: below its values round to 0, above to the last step.
SATURATED = (math.log(0.5 / 255.5), math.log(254.5 / 1.5))
#: Ranges that no calibration changes: a gate's is the same for every image.
FIXED = frozenset({(0.0, 1.0), SIGMOID})


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
        return name if name in self._owners else None

    @cached_property
    def _owners(self) -> frozenset[str]:
        return frozenset(self.observed)

    def carried(self, node: Node) -> bool:
        """Whether all that ``node`` makes is on its grid already, since it only moves values."""
        if not carries(node):
            return False
        source: Any = node.args[0]
        sources = source if is_call(node, aten.cat.default) else [source]
        return all(self.owner(part.name) == self.owner(node.name) for part in sources)


def channel_dim(layer: Node) -> int:
    """The dimension that a layer's output has its channels in: a linear layer's is the last."""
    return -1 if is_call(layer, aten.linear.default) else 1


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


def limits(node: Node, plan: Plan) -> tuple[float, float]:
    """The interval outside of which no value of ``node`` matters to its readers.

    Exact mathematics: the image of a clamp, hard-swish or gate, and what hard-swish (zero up to
    -3), hard-sigmoid (saturated outside [-3, 3]) and a sigmoid whose own value is int8 in ``plan``
    can tell apart; one in float may be behind a logarithm, to which its smallest values matter.
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
    elif is_call(node, aten.hardsigmoid.default):
        low, high = 0.0, 1.0
    elif is_call(node, aten.sigmoid.default):
        low, high = SIGMOID
    readers = list(node.users)
    if readers and all(is_call(reader, aten.hardswish.default) for reader in readers):
        low = max(low, -3.0)
    if readers and all(is_call(reader, aten.hardsigmoid.default) for reader in readers):
        low, high = max(low, -3.0), min(high, 3.0)
    if readers and all(
        is_call(reader, aten.sigmoid.default) and plan.owner(reader.name) is not None
        for reader in readers
    ):
        low, high = max(low, SATURATED[0]), min(high, SATURATED[1])
    return low, high


def _wanted(graph: GraphModule, integer: set[Node]) -> set[Node]:
    """The values that an integer kernel reads, by itself or through what moves them.

    An activation alone wants none: behind a float operator it is part of the same float island,
    whose inner values need not be rounded.
    """
    wanted: set[Node] = set()
    for node in reversed(graph.graph.nodes):
        for user in node.users:
            reads = user in integer and not is_call(user, *ACTIVATIONS)
            if reads or (carries(user) and user in wanted):
                wanted.add(node)
    return wanted


def plan(graph: GraphModule) -> Plan:
    """Choose the int8 values of a canonical graph.

    The result of a float operator gets a grid where an integer kernel reads it, so that what
    follows, say, a GELU or a layer norm is int8 again.
    """
    observed: dict[str, None] = {}
    shared: dict[str, str] = {}
    weighted: list[str] = []
    integer = integer_operators(graph)
    wanted = _wanted(graph, integer)

    def owned(node: Node) -> str:
        return _resolve(node.name, shared)

    for node in graph.graph.nodes:
        if node.op == "placeholder":
            observed[node.name] = None
            continue
        if node.op != "call_function":
            continue
        if is_call(node, aten.cat.default):
            parts = [owned(part) for part in node.args[0]]
            if any(part in observed for part in parts):
                # One int8 part makes all int8: LiteRT's converter takes its grid for the others.
                observed |= {
                    part.name: None for part in node.args[0] if _can_have_grid(part, shared)
                }
            parts = list(dict.fromkeys(parts))
            if all(part in observed for part in parts):
                for part in parts[1:]:
                    observed.pop(part)
                    shared[part] = parts[0]
                shared[node.name] = parts[0]
                continue
        elif carries(node):
            if (source := owned(node.args[0])) in observed:
                shared[node.name] = source
                continue
        elif node in integer:
            if is_call(node, *WEIGHTED):
                weighted.append(node.name)
            if fused_clamp(node) is None:
                observed[node.name] = None
            continue
        if node in wanted and _is_float32(node) and fused_clamp(node) is None:
            observed[node.name] = None
    resolved = {name: _resolve(name, shared) for name in shared}
    ordered = tuple(node.name for node in graph.graph.nodes if node.name in observed)
    return Plan(ordered, resolved, tuple(weighted))


def _resolve(name: str, shared: dict[str, str]) -> str:
    while name in shared:
        name = shared[name]
    return name


def _can_have_grid(node: Node, shared: dict[str, str]) -> bool:
    return node.op == "call_function" and node.name not in shared and _is_float32(node)


def _is_float32(node: Node) -> bool:
    """Whether ``node`` makes one float32 tensor, as far as is recorded."""
    value = tensor_meta(node)
    if value is not None:
        return value.dtype == torch.float32
    schema = getattr(node.target, "_schema", None)
    kinds = [str(result.type) for result in schema.returns] if schema is not None else []
    return kinds == ["Tensor"]
