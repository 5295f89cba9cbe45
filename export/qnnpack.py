"""A program as calls of ATen's quantized operators, which QNNPACK runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.ao.nn import quantized as nnq
from torch.fx import Graph, GraphModule, Node

from quantize.graph.operators import MOVES
from quantize.graph.passes.surgery import argument, aten, bias_of, is_call, tensor_meta, tensor_of
from quantize.graph.plan import SIGMOID, fused_clamp, saturates
from quantize.program import Program
from quantize.qparams import QParams, QuantizedWeight, from_range
from zoo.errors import InputError


def to_quantized_module(program: Program) -> tuple[nn.Module, dict[str, int]]:
    """A module from float32 (N, 3, H, W) to float32 (N, classes), and what it consists of.

    QNNPACK's activations are uint8, so zero points are 128 higher than the program's; the integers
    mean the same values. An operator without an integer kernel runs in float between a dequantize
    and a quantize and is counted as ``float_islands``.
    """
    builder = _Builder(program)
    module = builder.build()
    return module, builder.counts


#: ATen's read a reshaped permutation of one image in the wrong order: its stride over images tells
#: neither layout, and the kernel's two tests of the layout disagree (torch 2.14).
_RESIZES = (aten.upsample_nearest2d.vec, aten.upsample_bilinear2d.vec)


def _moves(node: Node, *, rounds: bool) -> bool:
    """Whether ATen's float operator takes and gives quantized tensors as they are; a resize only
    where its result is rounded.

    Not all that move values do, and no table of torch's says which: they are tried.
    """
    if not is_call(node, *MOVES, aten.constant_pad_nd.default, aten.pad.default):
        return False
    read = tensor_meta(node.args[0])
    if is_call(node, *_RESIZES) and not rounds:
        return False
    if read is None or len(node.all_input_nodes) > 1:
        return False
    shape = [size if isinstance(size, int) else 1 for size in read.shape]
    tried = torch.quantize_per_tensor(torch.zeros(shape), 1.0, 128, torch.quint8)
    try:
        return bool(node.target(tried, *node.args[1:], **node.kwargs).is_quantized)  # type: ignore[operator]
    except (RuntimeError, NotImplementedError):
        return False


class _Builder:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._root = nn.Module()
        self._graph = Graph()
        self._values: dict[str, Node] = {}
        #: Grids of the quantized values so far, by the program's value name.
        self._grids: dict[str, QParams] = {}
        self.counts = {"integer_operators": 0, "float_islands": 0, "folded_clamps": 0}

    def build(self) -> GraphModule:
        """Translate the program's nodes in order."""
        for node in self._program.graph.graph.nodes:
            self._translate(node)
        self._graph.lint()
        return GraphModule(self._root, self._graph)

    def _translate(self, node: Node) -> None:
        if node.op == "placeholder":
            value = self._graph.placeholder(node.name)
            self._define(node, value)
        elif node.op == "output":
            self._graph.output(self._map(node.args[0], self._float))
        elif node.op == "get_attr":
            return
        elif node.name in self._program.weights:
            self._layer(node)
        elif self._is_quantized(node.args[0]) and _moves(node, rounds=self._grid(node) is not None):
            source = node.args[0]
            assert isinstance(source, Node)
            value = self._values[source.name]
            if is_call(node, *_RESIZES) and is_call(source, aten.reshape.default):
                value = self._graph.call_method("contiguous", (value,))
            moved = self._call(node.target, (value, *node.args[1:]), node.kwargs)
            self._keep(node, moved, self._grids[source.name])
        elif self._redundant_clamp(node):
            source = node.args[0]
            assert isinstance(source, Node)
            self._keep(node, self._values[source.name], self._grids[source.name])
            self.counts["folded_clamps"] += 1
        elif self._integer(node):
            self.counts["integer_operators"] += 1
        else:
            self._island(node)

    # --- values -------------------------------------------------------------------------------

    def _is_quantized(self, value: object) -> bool:
        return isinstance(value, Node) and value.name in self._grids

    def _keep(self, node: Node, value: Node, grid: QParams | None) -> None:
        self._values[node.name] = value
        if grid is not None:
            self._grids[node.name] = grid

    def _grid(self, node: Node) -> QParams | None:
        """The grid of the value ``node`` makes; a layer makes the value behind its clamp."""
        clamp = fused_clamp(node)
        return self._program.qparams((clamp or node).name)

    def _define(self, node: Node, value: Node) -> None:
        """Keep a float ``value`` of ``node``, quantized to its grid where it has one."""
        grid = self._program.qparams(node.name)
        if grid is not None:
            value = self._graph.call_function(
                torch.quantize_per_tensor,
                (value, grid.scale, grid.zero_point + 128, torch.quint8),
            )
        self._keep(node, value, grid)

    def _float(self, node: Node) -> Node:
        """The float form of a program value."""
        if node.op == "get_attr":
            name = node.name
            if not hasattr(self._root, name):
                self._root.register_buffer(name, tensor_of(self._program.graph, node))
            return self._graph.get_attr(name)
        value = self._values[node.name]
        if node.name not in self._grids:
            return value
        return self._graph.call_method("dequantize", (value,))

    def _map(self, value: Any, change: Callable[[Node], Node]) -> Any:
        if isinstance(value, Node):
            return change(value)
        if isinstance(value, (list, tuple)):
            return type(value)(self._map(v, change) for v in value)
        return value

    def _call(self, target: Any, args: tuple[Any, ...], kwargs: Any = None) -> Node:
        return self._graph.call_function(target, args, kwargs)

    # --- operators ----------------------------------------------------------------------------

    def _layer(self, node: Node) -> None:
        source, grid = node.args[0], self._grid(node)
        assert isinstance(source, Node)
        if grid is None or not self._is_quantized(source):
            raise InputError(
                f"torchscript: {node.name} has int8 weights and float values, which no kernel "
                "multiplies; leave the format out with --formats"
            )
        weight = self._program.weights[node.name]
        bias = bias_of(self._program.graph, node)
        layer = (
            _convolution(node, weight, bias, grid)
            if is_call(node, aten.conv2d.default)
            else _linear(weight, bias, grid)
        )
        self._root.add_module(node.name, layer)
        called = self._graph.call_module(node.name, (self._values[source.name],))
        self._keep(node, called, grid)
        self.counts["integer_operators"] += 1

    def _redundant_clamp(self, node: Node) -> bool:
        """Whether a clamp does nothing, since its input's grid ends where the clamp cuts."""
        if not is_call(node, aten.relu.default, aten.hardtanh.default):
            return False
        source = node.args[0]
        if not self._is_quantized(source):
            return False
        assert isinstance(source, Node)
        grid = self._grids[source.name]
        return self._program.qparams(node.name) == grid and saturates(node, grid)

    def _integer(self, node: Node) -> bool:
        """Emit ``node`` as a quantized operator if there is one for it."""
        grid = self._grid(node)
        sources = [a for a in node.args if isinstance(a, Node)]
        if grid is None or not sources or not all(self._is_quantized(s) for s in sources):
            return False
        inputs = tuple(self._values[s.name] for s in sources)
        scale, zero = grid.scale, grid.zero_point + 128
        ops = torch.ops.quantized
        if is_call(node, aten.add.Tensor) and len(inputs) == 2 and not node.kwargs:
            value = self._graph.call_function(ops.add, (*inputs, scale, zero))
        elif is_call(node, aten.mul.Tensor) and len(inputs) == 2:
            value = self._graph.call_function(ops.mul, (*inputs, scale, zero))
        elif is_call(node, aten.hardswish.default):
            value = self._graph.call_function(ops.hardswish, (*inputs, scale, zero))
        elif is_call(node, aten.sigmoid.default) and grid == from_range(*SIGMOID):
            value = self._graph.call_function(ops.sigmoid, (*inputs, scale, zero))
        else:
            # Pools too: ATen's integer one keeps its input's scale, and a squeeze-excite needs a
            # finer one (MobileNetV3-Small: 88 % agreement with float, 85 % with that kernel).
            return False
        self._keep(node, value, grid)
        return True

    def _island(self, node: Node) -> None:
        """Run ``node`` in float."""
        args = self._map(node.args, self._float)
        value = self._call(node.target, args, node.kwargs)
        self._define(node, value)
        self.counts["float_islands"] += 1


def _per_channel(weight: QuantizedWeight) -> Tensor:
    zero = torch.zeros(len(weight.scale), dtype=torch.int64)
    return torch._make_per_channel_quantized_tensor(weight.values, weight.scale.double(), zero, 0)


def _convolution(
    node: Node, weight: QuantizedWeight, bias: Tensor | None, grid: QParams
) -> nn.Module:
    groups = int(argument(node, 6, 1))
    values = weight.values
    create: Any = nnq.Conv2d
    layer: nn.Module = create(
        values.shape[1] * groups,
        values.shape[0],
        tuple(values.shape[2:]),
        stride=tuple(argument(node, 3, [1, 1])),
        padding=tuple(argument(node, 4, [0, 0])),
        dilation=tuple(argument(node, 5, [1, 1])),
        groups=groups,
    )
    return _ready(layer, weight, bias, grid)


def _linear(weight: QuantizedWeight, bias: Tensor | None, grid: QParams) -> nn.Module:
    create: Any = nnq.Linear
    layer: nn.Module = create(weight.values.shape[1], weight.values.shape[0])
    return _ready(layer, weight, bias, grid)


def _ready(layer: Any, weight: QuantizedWeight, bias: Tensor | None, grid: QParams) -> nn.Module:
    layer.set_weight_bias(_per_channel(weight), bias)
    layer.scale, layer.zero_point = grid.scale, grid.zero_point + 128
    assert isinstance(layer, nn.Module)
    return layer
