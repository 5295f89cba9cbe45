"""The interface of a fully quantized ``.tflite`` file: float32, or pixels in and float32 out."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.packages import require


def with_output_names(content: bytes, names: tuple[str, ...]) -> bytes:
    """Name the outputs of the file's signature, in the order of its graph's outputs."""
    model = unpacked(content)
    by_tensor = dict(zip(model.subgraphs[0].outputs, names, strict=True))
    for signature in model.signatureDefs or []:
        for entry in signature.outputs:
            entry.name = by_tensor[entry.tensorIndex]
    return packed(model, len(content))


def unpacked(content: bytes) -> Any:
    """The ``ModelT`` of a file, all constants in it.

    Some have their constants behind the flatbuffer, at offsets that hold for that file alone
    (ai-edge-quantizer 0.10: files of 256 KiB and more).
    """
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for buffer in model.buffers:
        if buffer.offset > 1:  # 0 and 1 stand for none (tflite/schema/schema.fbs)
            stored = content[buffer.offset : buffer.offset + buffer.size]
            buffer.data, buffer.offset, buffer.size = np.frombuffer(stored, np.uint8), 0, 0
    return model


def packed(model: Any, size: int) -> bytes:
    """The file of ``model``, which was made of one of ``size`` bytes."""
    flatbuffers = require("flatbuffers", "litert")
    builder = flatbuffers.Builder(size + 4096)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def with_outer_interface(
    content: bytes, *, pixels: bool = False, transpose_first: bool = False
) -> tuple[bytes, int]:
    """Put a QUANTIZE behind each int8 input and a DEQUANTIZE in front of each int8 output.

    The converter removes both from a statically quantized graph; with them every artefact of a
    network takes and gives the same float32 tensors. With ``pixels`` the input is uint8, of
    the same scale with a zero point 128 higher. With ``transpose_first``, an input that is only
    transposed is quantized behind that, as XNNPACK transposes three planes of floats in half
    the time of bytes; the second value returned is how many were.
    """
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    model = unpacked(content)
    graph = model.subgraphs[0]
    int8 = schema.TensorType.INT8
    swapped = 0
    graph.inputs, graph.outputs = list(graph.inputs), list(graph.outputs)
    for position, index in enumerate(graph.inputs):
        if graph.tensors[index].type != int8:
            continue
        transpose = _only_transpose(schema, model, index) if transpose_first else None
        if transpose is not None:
            graph.tensors[index].type = schema.TensorType.FLOAT32
            graph.tensors[index].quantization = None
            moved = transpose.outputs[0]
            outer = float_twin(schema, graph, moved)
            transpose.outputs = [outer]
            graph.operators.insert(
                graph.operators.index(transpose) + 1,
                new_operator(schema, model, schema.BuiltinOperator.QUANTIZE, outer, moved),
            )
            swapped += 1
            continue
        outer = float_twin(schema, graph, index)
        if pixels:
            _become_unsigned(schema, graph.tensors[outer], graph.tensors[index])
        _swap_signature(model, index, outer, "inputs")
        graph.operators.insert(
            0, new_operator(schema, model, schema.BuiltinOperator.QUANTIZE, outer, index)
        )
        graph.inputs[position] = outer
    for position, index in enumerate(graph.outputs):
        if graph.tensors[index].type == int8:
            outer = float_twin(schema, graph, index)
            _swap_signature(model, index, outer, "outputs")
            graph.operators.append(
                new_operator(schema, model, schema.BuiltinOperator.DEQUANTIZE, index, outer)
            )
            graph.outputs[position] = outer
    return packed(model, len(content)), swapped


def _only_transpose(schema: Any, model: Any, index: int) -> Any | None:
    """The TRANSPOSE that is all that reads tensor ``index``, or None."""
    readers = [entry for entry in model.subgraphs[0].operators if index in entry.inputs]
    if len(readers) != 1 or index in model.subgraphs[0].outputs:
        return None
    code = model.operatorCodes[readers[0].opcodeIndex]
    transposes = schema.BuiltinOperator.TRANSPOSE in (code.builtinCode, code.deprecatedBuiltinCode)
    return readers[0] if transposes else None


def float_twin(schema: Any, graph: Any, index: int) -> int:
    """A new float tensor with the shape and the name of int8 tensor ``index``; its index."""
    inner = graph.tensors[index]
    outer = schema.TensorT()
    outer.shape, outer.shapeSignature = inner.shape, inner.shapeSignature
    outer.type = schema.TensorType.FLOAT32
    outer.name = inner.name
    inner.name = inner.name + b"_int8" if isinstance(inner.name, bytes) else f"{inner.name}_int8"
    outer.buffer = 0
    graph.tensors.append(outer)
    return len(graph.tensors) - 1


def _become_unsigned(schema: Any, outer: Any, inner: Any) -> None:
    """Make ``outer`` uint8 on the grid of the int8 tensor ``inner``."""
    outer.type = schema.TensorType.UINT8
    outer.quantization = schema.QuantizationParametersT()
    outer.quantization.scale = list(inner.quantization.scale)
    outer.quantization.zeroPoint = [int(zero) + 128 for zero in inner.quantization.zeroPoint]


def new_operator(schema: Any, model: Any, builtin: int, source: int, target: int) -> Any:
    """An operator of kind ``builtin`` from tensor ``source`` to ``target``, to put into a graph."""
    known = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    if builtin not in known:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 1
        model.operatorCodes.append(code)
        known.append(builtin)
    operator = schema.OperatorT()
    operator.opcodeIndex = known.index(builtin)
    operator.inputs, operator.outputs = [source], [target]
    return operator


def _swap_signature(model: Any, old: int, new: int, side: str) -> None:
    for signature in model.signatureDefs or []:
        for entry in getattr(signature, side):
            if entry.tensorIndex == old:
                entry.tensorIndex = new
