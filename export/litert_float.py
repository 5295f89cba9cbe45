"""Putting operators back into float that LiteRT's converter has quantized."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.packages import require
from export.tflite_interface import new_operator, packed, unpacked
from quantize.analysis.layers import weights_of
from quantize.graph.passes.surgery import bias_of
from quantize.program import Program
from zoo.errors import InputError

#: The only scales that some of LiteRT's int8 kernels write (tflite/kernels/activations.cc,
#: l2norm.cc).
ONLY_SCALES = {"SOFTMAX": 1 / 256, "LOG_SOFTMAX": 16 / 256, "L2_NORMALIZATION": 1 / 128}


def restore_float_operators(content: bytes, program: Program) -> tuple[bytes, int]:
    """Let operators compute in float that LiteRT's converter must not quantize; how many changed.

    The converter quantizes the weights of every layer that reads and writes int8, with scales of
    its own. Each layer of ``program`` without int8 weights gets its floats back, behind a
    DEQUANTIZE and in front of a QUANTIZE. So do those whose kernels refuse the grid of their result
    (:data:`ONLY_SCALES`).

    Raises:
        InputError: a layer is not found in the file.
    """
    schema = require("ai_edge_litert.schema_py_generated", "litert")
    model = unpacked(content)
    editor = _Editor(schema, model)
    restored = editor.restore_refused()
    for node, weight in weights_of(program.graph).items():
        if node.name not in program.weights:
            bias = bias_of(program.graph, node)
            known = None if bias is None else bias.numpy()
            restored += editor.restore(node.name, weight.numpy(), known)
    if not restored:
        return content, 0
    return packed(model, len(content)), restored


def _layouts(weight: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The forms in which LiteRT may hold a weight (out, in, h, w) or (out, in)."""
    if weight.ndim == 2:
        return [weight, weight[:, None, None, :]]
    forms = [weight.transpose(0, 2, 3, 1)]
    if weight.shape[1] == 1:
        forms.append(weight.transpose(1, 2, 3, 0))
    if weight.shape[2:] == (1, 1):
        forms.append(weight[:, :, 0, 0])
    return forms


class _Editor:
    def __init__(self, schema: Any, model: Any) -> None:
        self._schema, self._model, self._graph = schema, model, model.subgraphs[0]
        kinds = schema.BuiltinOperator
        self._layers = {kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D, kinds.FULLY_CONNECTED}

    def restore(
        self, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32] | None
    ) -> bool:
        """Put one layer back; False where the converter has left it in float."""
        int8 = self._schema.TensorType.INT8
        for position, operator in enumerate(self._graph.operators):
            if self._kind(operator) not in self._layers:
                continue
            stored = self._graph.tensors[operator.inputs[1]]
            for form in _layouts(weight):
                if tuple(stored.shape) == form.shape and self._holds(stored, form):
                    if stored.type == int8:
                        self._to_float(position, form, bias)
                    return bool(stored.type == int8)
        raise InputError(f"litert: its converter has lost the float layer {name}; use recipe ptq")

    def restore_refused(self) -> int:
        """Put back every operator that writes int8 on a grid its kernel refuses; how many."""
        int8, restored = self._schema.TensorType.INT8, 0
        only = {getattr(self._schema.BuiltinOperator, k): scale for k, scale in ONLY_SCALES.items()}
        for operator in list(self._graph.operators):
            scale = only.get(self._kind(operator))
            target = self._graph.tensors[operator.outputs[0]]
            if scale is None or target.type != int8:
                continue
            if not np.isclose(target.quantization.scale[0], scale, rtol=1e-3):
                self._in_float(self._graph.operators.index(operator))
                restored += 1
        return restored

    def _kind(self, operator: Any) -> int:
        code = self._model.operatorCodes[operator.opcodeIndex]
        return int(max(code.builtinCode, code.deprecatedBuiltinCode))

    def _values(self, tensor: Any) -> NDArray[Any]:
        kind = np.int8 if tensor.type == self._schema.TensorType.INT8 else np.float32
        data = np.asarray(self._model.buffers[tensor.buffer].data, np.uint8).tobytes()
        return np.frombuffer(data, kind).reshape(tuple(tensor.shape))

    def _holds(self, tensor: Any, form: NDArray[np.float32]) -> bool:
        """Whether a tensor is ``form``, or the nearest int8 values to it."""
        values = self._values(tensor)
        if values.dtype == np.float32:
            return bool(np.allclose(values, form, rtol=1e-5, atol=1e-12))
        quantization = tensor.quantization
        shape = [1] * values.ndim
        shape[quantization.quantizedDimension] = -1
        scale = np.asarray(quantization.scale, np.float32).reshape(shape)
        # Half a step, and a little for how the converter rounds.
        return bool((np.abs(values * scale - form) <= 0.51 * scale).all())

    def _to_float(
        self, position: int, weight: NDArray[np.float32], bias: NDArray[np.float32] | None
    ) -> None:
        operator = self._graph.operators[position]
        inputs = [operator.inputs[0], self._constant(operator.inputs[1], weight)]
        if len(operator.inputs) > 2:
            known = bias if bias is not None else np.zeros(0, np.float32)
            inputs.append(self._constant(operator.inputs[2], known) if known.size else -1)
        operator.inputs = inputs
        self._in_float(position)

    def _in_float(self, position: int) -> None:
        """Dequantize what the operator at ``position`` reads first and quantize what it writes."""
        operator = self._graph.operators[position]
        kinds = self._schema.BuiltinOperator
        source, target = operator.inputs[0], operator.outputs[0]
        read, written = self._twin(source), self._twin(target)
        operator.inputs, operator.outputs = [read, *operator.inputs[1:]], [written]
        before = new_operator(self._schema, self._model, kinds.DEQUANTIZE, source, read)
        after = new_operator(self._schema, self._model, kinds.QUANTIZE, written, target)
        self._graph.operators[position : position + 1] = [before, operator, after]

    def _twin(self, index: int) -> int:
        """A new float tensor like tensor ``index``."""
        like, made = self._graph.tensors[index], self._schema.TensorT()
        made.shape, made.shapeSignature = like.shape, like.shapeSignature
        made.type, made.buffer = self._schema.TensorType.FLOAT32, 0
        made.name = f"float_{len(self._graph.tensors)}"
        self._graph.tensors.append(made)
        return len(self._graph.tensors) - 1

    def _constant(self, like: int, value: NDArray[np.float32]) -> int:
        index = self._twin(like)
        buffer = self._schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(value, np.float32).tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        self._graph.tensors[index].buffer = len(self._model.buffers) - 1
        return index
