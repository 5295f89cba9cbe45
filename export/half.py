"""Float graphs in half precision."""

from __future__ import annotations

import copy

import torch
from torch.fx import GraphModule

from quantize.graph.passes.surgery import aten


def in_half_precision(graph: GraphModule) -> GraphModule:
    """A copy that computes in float16 between a float32 input and a float32 output."""
    half = copy.deepcopy(graph).half()
    for node in [n for n in half.graph.nodes if n.op == "placeholder"]:
        with half.graph.inserting_after(node):
            narrow = half.graph.call_function(
                aten._to_copy.default, (node,), {"dtype": torch.float16}
            )
        node.replace_all_uses_with(narrow, lambda user, narrow=narrow: user is not narrow)
    output = half.graph.output_node()
    result = output.args[0]
    with half.graph.inserting_before(output):
        wide = half.graph.call_function(aten._to_copy.default, (result,), {"dtype": torch.float32})
    output.args = (wide,)
    half.recompile()
    return half
