"""The program in the reference dialect of PyTorch 2 export quantization.

Every backend that reads PT2E graphs (ExecuTorch, torch.onnx, LiteRT, Core ML) takes this one:
``quantized_decomposed`` quantize/dequantize pairs around float ATen calls, int8 weights behind
``dequantize_per_channel``.
"""

from __future__ import annotations

import copy

import torch
from torch.ao.quantization.fx import _decomposed  # noqa: F401  registers the dialect
from torch.fx import GraphModule, Node

from quantize.graph.operators import POOLS
from quantize.graph.passes.surgery import argument, aten, constant, drop_unused_tensors, is_call
from quantize.graph.plan import saturates
from quantize.program import Program
from quantize.qparams import QMAX, QMIN, WEIGHT_MAX, QParams, QuantizedWeight

quantized = torch.ops.quantized_decomposed


def to_reference_dialect(program: Program, *, float_weights: bool = False) -> GraphModule:
    """A graph from (N, 3, H, W) float32 to (N, classes) float32 with explicit int8 values.

    Each reader of an int8 value gets a dequantize of its own, as convert_pt2e leaves it, since
    partitioners fold dequantize, operator and quantize into one kernel. Clamps at the ends of a
    grid are dropped: saturation does the same, and LiteRT's converter would leave a convolution
    with a clamp to [0, 1] behind it in float. With ``float_weights``
    weights are stored as floats on their int8 grid with a quantize behind them, which is what
    LiteRT's converter folds; other backends read stored int8 weights. A clamp of an int8 value
    stays there too, as that converter loses a bare change of grid.
    """
    graph = copy.deepcopy(program.graph)
    for node in list(graph.graph.nodes):
        if node.name in program.weights:
            _quantize_weight(graph, node, program.weights[node.name], stored_float=float_weights)
        grid = program.qparams(node.name)
        if grid is None or node.op == "output":
            continue
        if is_call(node, aten.relu.default, aten.hardtanh.default) and saturates(node, grid):
            source = node.args[0]
            assert isinstance(source, Node)
            if float_weights and is_call(source, quantized.dequantize_per_tensor.default):
                _skip_pool_grid(node)
                _quantize_value(graph, node, grid)
                continue
            node.replace_all_uses_with(source)
            graph.graph.erase_node(node)
            node = source
        _quantize_value(graph, node, grid)
    graph.graph.eliminate_dead_code()
    drop_unused_tensors(graph)
    graph.graph.lint()
    graph.recompile()
    return graph


def _skip_pool_grid(clamp: Node) -> None:
    """Let a clamp read a pool's result before it is rounded, if it alone does.

    LiteRT's converter gives the clamp to the pool, whose own grid it then refuses.
    """
    stored = argument(argument(clamp, 0), 0)
    pool = argument(stored, 0)
    if is_call(pool, *POOLS) and len(stored.users) == 1:
        clamp.replace_input_with(argument(clamp, 0), pool)


def _quantize_value(graph: GraphModule, node: Node, grid: QParams) -> None:
    readers = list(node.users)
    arguments = (grid.scale, grid.zero_point, QMIN, QMAX, torch.int8)
    with graph.graph.inserting_after(node):
        stored = graph.graph.call_function(
            quantized.quantize_per_tensor.default, (node, *arguments)
        )
    for reader in readers:
        with graph.graph.inserting_before(reader):
            restored = graph.graph.call_function(
                quantized.dequantize_per_tensor.default, (stored, *arguments)
            )
        restored.meta["val"] = node.meta.get("val")
        reader.replace_input_with(node, restored)


def _quantize_weight(
    graph: GraphModule, node: Node, weight: QuantizedWeight, *, stored_float: bool
) -> None:
    name, channels = node.name, len(weight.scale)
    scale = constant(graph, node, f"{name}_scale", weight.scale)
    zero = constant(graph, node, f"{name}_zero_point", torch.zeros(channels, dtype=torch.int64))
    arguments = (scale, zero, 0, -WEIGHT_MAX, WEIGHT_MAX, torch.int8)
    if stored_float:
        exact = constant(graph, node, f"{name}_float", weight.dequantize())
        with graph.graph.inserting_before(node):
            values = graph.graph.call_function(
                quantized.quantize_per_channel.default, (exact, *arguments)
            )
    else:
        values = constant(graph, node, f"{name}_int8", weight.values)
    with graph.graph.inserting_before(node):
        restored = graph.graph.call_function(
            quantized.dequantize_per_channel.default, (values, *arguments)
        )
    old = node.args[1]
    assert isinstance(old, Node)
    node.update_arg(1, restored)
    if not old.users:
        graph.graph.erase_node(old)
