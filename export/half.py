"""Graphs and programs in half precision."""

from __future__ import annotations

import copy

import torch
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg

from quantize.graph.passes.surgery import aten, calls
from quantize.program import Program

#: The smallest normal and the largest number of float16 (IEEE 754 binary16).
SMALLEST_NORMAL, LARGEST = 2.0**-14, 65504.0


def in_half_precision(graph: GraphModule) -> GraphModule:
    """A copy that computes in float16 between a float32 input and float32 outputs."""
    half = copy.deepcopy(graph).half()
    for node in [n for n in half.graph.nodes if n.op == "placeholder"]:
        with half.graph.inserting_after(node):
            narrow = half.graph.call_function(
                aten._to_copy.default, (node,), {"dtype": torch.float16}
            )
        node.replace_all_uses_with(narrow, lambda user, narrow=narrow: user is not narrow)
    output = half.graph.output_node()

    def widened(result: Node) -> Node:
        with half.graph.inserting_before(output):
            return half.graph.call_function(
                aten._to_copy.default, (result,), {"dtype": torch.float32}
            )

    output.args = (map_arg(output.args[0], widened),)
    half.recompile()
    return half


def fits_half(program: Program) -> bool:
    """Whether float16 holds the values of every grid, and what coremltools makes of sums.

    It computes a sum in steps of the second addend (9.0, its pass
    distributive_quantized_binary_op_scale_normalization), in which the first may be large.
    """
    for grid in program.activations.values():
        if grid.scale < SMALLEST_NORMAL or max(-grid.low, grid.high) > LARGEST:
            return False
    for node in calls(program.graph, aten.add.Tensor):
        addends = [program.qparams(value.name) for value in node.all_input_nodes]
        if len(addends) == 2 and addends[0] is not None and addends[1] is not None:
            steps = (addends[0].high - addends[0].low) / addends[1].scale
            if steps + 255 > LARGEST / 2:
                return False
    return True
