"""Keeping the resize behind an int8 network in float, which LiteRT's converter makes int8."""

from __future__ import annotations

from typing import Any

from export.packages import require
from export.tflite_interface import float_twin, new_operator, packed, unpacked
from quantize.graph.passes.surgery import aten, is_call
from quantize.program import Program

_RESIZE = aten.upsample_bilinear2d.vec


def ends_in_float_resize(program: Program) -> bool:
    """Whether no value has a grid from the program's last resize on."""
    nodes = list(program.graph.graph.nodes)
    resizes = [index for index, node in enumerate(nodes) if is_call(node, _RESIZE)]
    if not resizes:
        return False
    behind = (node for node in nodes[resizes[-1] :] if node.op == "call_function")
    return all(program.qparams(node.name) is None for node in behind)


def with_float_resize(content: bytes) -> bytes:
    """Let the file's last RESIZE_BILINEAR read int8 off its grid before it resizes, and all that
    follows compute in float, so that what it makes is not rounded again."""
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    model = unpacked(content)
    graph, kinds = model.subgraphs[0], schema.BuiltinOperator
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    resizes = [o for o in graph.operators if codes[o.opcodeIndex] == kinds.RESIZE_BILINEAR]
    if not resizes or graph.tensors[resizes[-1].inputs[0]].type != schema.TensorType.INT8:
        return content
    resize = resizes[-1]
    read = float_twin(schema, graph, resize.inputs[0])
    position = graph.operators.index(resize)
    before = new_operator(schema, model, kinds.DEQUANTIZE, resize.inputs[0], read)
    graph.operators.insert(position, before)
    resize.inputs = [read, *resize.inputs[1:]]
    for operator in graph.operators[position + 1 :]:
        for index in operator.outputs:
            _to_float(schema, graph.tensors[index])
    return packed(model, len(content))


def _to_float(schema: Any, tensor: Any) -> None:
    if tensor.type == schema.TensorType.INT8:
        tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
