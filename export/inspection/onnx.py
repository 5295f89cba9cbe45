"""ONNX: the graph as stored, and the kernels onnxruntime makes of it on this machine."""

from __future__ import annotations

import math
import platform
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.coverage import IslandKind
from export.inspection.base import corrupt_file, leading_bytes
from export.inspection.graph import Explain, Graph, Operation, Reading, Value
from export.inspection.inspection import Port
from export.packages import require
from zoo.errors import InputError

# A ModelProto begins with its first field, ir_version, as a varint.
_FIRST_FIELD = b"\x08"
_CONVOLUTIONS = ("Conv", "FusedConv", "QLinearConv", "ConvInteger", "NhwcFusedConv")
_GEMMS = ("Gemm", "FusedGemm", "QGemm")
_PRODUCTS = ("MatMul", "FusedMatMul", "QLinearMatMul", "MatMulInteger", "MatMulIntegerToFloat")
# Position of the weight among the inputs.
_WEIGHT = {"QLinearConv": 3, "QLinearMatMul": 3, "QGemm": 3}
#: Float operators with an int8 kernel, by onnxruntime's QDQ selectors (qdq_transformer).
_QLINEAR = frozenset(
    (
        *("Conv", "Gemm", "MatMul", "Add", "Mul", "AveragePool", "GlobalAveragePool", "MaxPool"),
        *("Concat", "LeakyRelu", "Sigmoid", "Softmax", "Reshape", "Transpose", "Resize", "Where"),
    )
)


class OnnxReader:
    """Reads a model twice: as stored, and as onnxruntime's CPU provider optimizes it."""

    format = "onnx"

    def recognizes(self, path: Path) -> bool:
        """Whether the file begins as a ModelProto does."""
        return leading_bytes(path, 1) == _FIRST_FIELD

    def read(self, path: Path) -> Reading:
        """Read a model; see :class:`export.inspection.base.Reader`."""
        onnx = require("onnx", "onnx")
        runtime = require("onnxruntime", "onnx")
        with corrupt_file(path, "ONNX model"):
            stored = onnx.load(str(path))
            fused = _optimized(onnx, runtime, path)
            values = _values(onnx, runtime, path, fused)
            operations = tuple(_operation(node, values) for node in fused.graph.node)
            graph = Graph(values, operations)
            weights = {entry.name for entry in stored.graph.initializer}
            ports = [
                tuple(_port(onnx, value) for value in listed if value.name not in weights)
                for listed in (stored.graph.input, stored.graph.output)
            ]
        return Reading(
            format=self.format,
            graph=graph,
            inputs=ports[0],
            outputs=ports[1],
            weight_bytes=_weight_bytes(onnx, stored),
            explain=_explain(graph),
            stored_operators=dict(Counter(n.op_type for n in stored.graph.node).most_common()),
            notes=(
                f"fused by onnxruntime {runtime.__version__} on {platform.machine()}; another "
                "processor gets other kernels (x86 fuses uint8 activations only in full)",
            ),
        )


def _quiet(runtime: Any) -> Any:
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return options


def _optimized(onnx: Any, runtime: Any, path: Path) -> Any:
    """The model after all of onnxruntime's optimizations, as it is executed."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "fused.onnx"
        options = _quiet(runtime)
        options.optimized_model_filepath = str(target)
        # As on ARM. x86 makes int8 activations uint8 first, and around transposes finds no pattern
        # in what that leaves (onnxruntime 1.31).
        options.add_session_config_entry("session.qdqisint8allowed", "1")
        # Blocked layouts pad channels; without them filters keep the shapes that MACs come from.
        runtime.InferenceSession(
            str(path),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["NchwcTransformer"],
        )
        return onnx.load(str(target))


def _values(onnx: Any, runtime: Any, path: Path, fused: Any) -> dict[str, Value]:
    """Every tensor of the fused model, by running it once on zeros.

    ONNX's shape inference does not know onnxruntime's own operators.
    """
    values = {
        entry.name: Value(_dtype(onnx, entry.data_type), tuple(entry.dims), constant=True)
        for entry in fused.graph.initializer
    }
    probe = onnx.ModelProto()
    probe.CopyFrom(fused)
    outputs = [name for node in probe.graph.node for name in node.output if name]
    known = {entry.name for entry in probe.graph.output}
    probe.graph.output.extend(onnx.ValueInfoProto(name=n) for n in outputs if n not in known)
    options = _quiet(runtime)
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = runtime.InferenceSession(
        probe.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    given = {}
    for entry in fused.graph.input:
        if entry.name in values:
            continue
        tensor = entry.type.tensor_type
        # A batch that is left open is run with one image.
        shape = [dim.dim_value or (1 if i == 0 else 0) for i, dim in enumerate(tensor.shape.dim)]
        if 0 in shape:
            raise InputError(f"{path}: has an input of no fixed size; export it with a fixed one")
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        given[entry.name] = np.zeros(shape, kind)
    found = dict(zip(outputs, session.run(outputs, given), strict=True))
    for name, array in {**given, **found}.items():
        values[name] = Value(str(array.dtype), tuple(array.shape))
    return values


def _operation(node: Any, values: dict[str, Value]) -> Operation:
    inputs = tuple(name for name in node.input if name)
    outputs = tuple(name for name in node.output if name)
    return Operation(
        operator=node.op_type,
        name=node.name or outputs[0],
        inputs=inputs,
        outputs=outputs,
        macs=_macs(node, values),
    )


def _macs(node: Any, values: dict[str, Value]) -> int:
    operator = node.op_type
    known = (*_CONVOLUTIONS, *_GEMMS, *_PRODUCTS, "ConvTranspose")
    if operator not in known:
        return 0
    weight = values[node.input[_WEIGHT.get(operator, 1)]]
    written = values[node.output[0]]
    if operator in _CONVOLUTIONS:
        return written.elements * math.prod(weight.shape[1:])
    if operator == "ConvTranspose":
        return values[node.input[0]].elements * math.prod(weight.shape[1:])
    if operator in _GEMMS:
        return written.elements * weight.elements // written.shape[-1]
    return written.elements * values[node.input[0]].shape[-1]


def _weight_bytes(onnx: Any, model: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in model.graph.initializer:
        dtype = _dtype(onnx, entry.data_type)
        width = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(entry.data_type)).itemsize
        found[dtype] = found.get(dtype, 0) + math.prod(entry.dims) * width
    return found


def _dtype(onnx: Any, code: int) -> str:
    return str(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(code)))


def _port(onnx: Any, value: Any) -> Port:
    tensor = value.type.tensor_type
    # 0 stands for a size that is left open.
    shape = tuple(dim.dim_value for dim in tensor.shape.dim)
    return Port(name=value.name, shape=shape, dtype=_dtype(onnx, tensor.elem_type))


def _explain(graph: Graph) -> Explain:
    def explain(members: Sequence[Operation], kind: IslandKind) -> str:
        names = list(dict.fromkeys(operation.operator for operation in members))
        foreign = sorted(set(names) - _QLINEAR)
        if foreign:
            return f"onnxruntime has no int8 kernel of {', '.join(foreign)}"
        if len(members) > 1:
            joined = ", ".join(names)
            return f"{joined} pass floats to one another: only a single operator fuses with its QDQ"
        before, after = _border_types(graph, members[0])
        if before and after and before != after:
            return (
                f"{names[0]} reads {' and '.join(before)} and writes {' and '.join(after)}: its "
                "integer kernel wants one type for both"
            )
        return f"{names[0]} did not match onnxruntime's QDQ pattern"

    return explain


def _border_types(graph: Graph, operation: Operation) -> tuple[list[str], list[str]]:
    """The int8 types that are dequantized for an operation, and those its result becomes."""
    before: set[str] = set()
    after: set[str] = set()
    for other in graph.operations:
        if set(other.outputs) & set(operation.inputs):
            before.update(value.dtype for value in graph.activations(other.inputs))
        if set(other.inputs) & set(operation.outputs):
            after.update(value.dtype for value in graph.activations(other.outputs))
    return sorted(before), sorted(after)
