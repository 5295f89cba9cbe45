"""LiteRT ``.tflite``: the flatbuffer, and which operators the XNNPACK delegate takes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from export.coverage import IslandKind
from export.inspection.base import corrupt_file, leading_bytes, refuse
from export.inspection.graph import Explain, Graph, Operation, Reading, Value
from export.inspection.inspection import Port
from export.packages import require
from export.tflite_interface import unpacked

_MAGIC = b"TFL3"
_DTYPES = {"FLOAT32": "float32", "FLOAT16": "float16", "INT8": "int8", "UINT8": "uint8"}


class LiteRTReader:
    """Reads the main subgraph and asks the interpreter of this machine for its delegation."""

    format = "litert"

    def recognizes(self, path: Path) -> bool:
        """Whether the file has the flatbuffer's identifier."""
        return leading_bytes(path, 8)[4:] == _MAGIC

    def read(self, path: Path) -> Reading:
        """Read a model; see :class:`export.inspection.base.Reader`."""
        schema = require("ai_edge_litert.schema_py_generated", "litert")
        with corrupt_file(path, "LiteRT model"):
            model = unpacked(path.read_bytes())
            graph = model.subgraphs[0]
            interpreter = _interpreter(path)
            delegated, partitions = _delegation(interpreter)
            if len(graph.operators) <= max(delegated, default=-1):
                raise refuse(path, "LiteRT model", "its operators do not match the interpreter's")
            values = _values(schema, model, graph)
            operations = tuple(
                _operation(schema, model, operator, index, values, index in delegated)
                for index, operator in enumerate(graph.operators)
            )
            arena = _arena_bytes(interpreter, model, graph)
        return Reading(
            format=self.format,
            graph=Graph(values, operations),
            inputs=tuple(_port(graph, values, index) for index in graph.inputs),
            outputs=tuple(_port(graph, values, index) for index in graph.outputs),
            weight_bytes=_weight_bytes(schema, model, graph),
            explain=_explain(values),
            partitions=partitions,
            arena_bytes=arena,
            notes=("delegation is that of the XNNPACK in this machine's ai-edge-litert",),
        )


def _interpreter(path: Path) -> Any:
    # Through the file: the interpreter checks it, and damaged content raises instead of crashing.
    module = require("ai_edge_litert.interpreter", "litert")
    interpreter = module.Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _delegation(interpreter: Any) -> tuple[set[int], int]:
    """Indices of the operators in delegates, and the number of delegate partitions.

    The interpreter lists the model's operators first and then one DELEGATE for each partition,
    with the values at its border; what lies between them is inside.
    """
    details = interpreter._get_ops_details()
    delegates = [entry for entry in details if entry["op_name"] == "DELEGATE"]
    makers = {
        int(name): entry
        for entry in details
        if entry["op_name"] != "DELEGATE"
        for name in entry["outputs"]
    }
    inside: set[int] = set()
    for delegate in delegates:
        border = {int(name) for name in delegate["inputs"]}
        waiting = [int(name) for name in delegate["outputs"]]
        while waiting:
            maker = makers.get(waiting.pop())
            if maker is None or maker["index"] in inside:
                continue
            inside.add(int(maker["index"]))
            waiting += [int(name) for name in maker["inputs"] if int(name) not in border]
    return inside, len(delegates)


def _values(schema: Any, model: Any, graph: Any) -> dict[str, Value]:
    return {
        str(index): Value(
            _dtype(schema, tensor),
            tuple(int(size) for size in (() if tensor.shape is None else tensor.shape)),
            constant=_stored_bytes(model, tensor) > 0,
        )
        for index, tensor in enumerate(graph.tensors)
    }


def _dtype(schema: Any, tensor: Any) -> str:
    names = {code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)}
    name = str(names.get(tensor.type, "another type"))
    return _DTYPES.get(name, name.lower())


def _stored_bytes(model: Any, tensor: Any) -> int:
    buffer = model.buffers[tensor.buffer]
    # Large models keep their constants behind the flatbuffer, by offset and size.
    return int(buffer.size) or (0 if buffer.data is None else len(buffer.data))


def _operation(
    schema: Any,
    model: Any,
    operator: Any,
    index: int,
    values: Mapping[str, Value],
    delegated: bool,
) -> Operation:
    code = model.operatorCodes[operator.opcodeIndex]
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = next(
        (key for key, number in vars(schema.BuiltinOperator).items() if number == builtin),
        "CUSTOM",
    )
    inputs = tuple(str(int(tensor)) for tensor in operator.inputs if tensor >= 0)
    outputs = tuple(str(int(tensor)) for tensor in operator.outputs)
    return Operation(
        operator=name,
        name=f"{index}:{name}",
        inputs=inputs,
        outputs=outputs,
        macs=_macs(name, [values[n] for n in inputs], [values[n] for n in outputs]),
        delegated=delegated,
    )


def _macs(operator: str, read: Sequence[Value], written: Sequence[Value]) -> int:
    """MACs of an operator; filters are (out, h, w, in / groups), depthwise (1, h, w, out)."""
    if operator in ("CONV_2D", "FULLY_CONNECTED"):
        weight = read[1]
        return written[0].elements * weight.elements // weight.shape[0]
    if operator == "DEPTHWISE_CONV_2D":
        weight = read[1]
        return written[0].elements * weight.elements // weight.shape[-1]
    if operator == "TRANSPOSE_CONV":
        weight, image = read[1], read[2]
        return image.elements * weight.elements // weight.shape[-1]
    if operator == "BATCH_MATMUL":
        return written[0].elements * read[0].shape[-1]
    return 0


def _weight_bytes(schema: Any, model: Any, graph: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    seen = set()
    for tensor in graph.tensors:
        size = _stored_bytes(model, tensor)
        if size and tensor.buffer not in seen:
            seen.add(tensor.buffer)
            dtype = _dtype(schema, tensor)
            found[dtype] = found.get(dtype, 0) + size
    return found


def _arena_bytes(interpreter: Any, model: Any, graph: Any) -> int:
    """The span of the activations that the interpreter gave a place; delegates keep their own."""
    places: list[tuple[int, int]] = []
    for index, tensor in enumerate(graph.tensors):
        if _stored_bytes(model, tensor):
            continue
        try:
            view = interpreter.tensor(index)()
        except ValueError:
            # Inside a delegate, or given a place only during a run.
            continue
        places.append((view.__array_interface__["data"][0], view.nbytes))
    if not places:
        return 0
    first = min(start for start, _ in places)
    return max(start + size for start, size in places) - first


def _port(graph: Any, values: Mapping[str, Value], index: int) -> Port:
    value = values[str(int(index))]
    name = graph.tensors[index].name.decode()
    return Port(name=name, shape=value.shape, dtype=value.dtype)


def _explain(values: Mapping[str, Value]) -> Explain:
    def explain(members: Sequence[Operation], kind: IslandKind) -> str:
        if kind == "outside the delegate":
            refused = sorted({f"{_type(operation)} {operation.operator}" for operation in members})
            return f"the XNNPACK delegate takes no {', '.join(refused)}"
        names = ", ".join(sorted({operation.operator for operation in members}))
        text = f"the converter left {names} in float between DEQUANTIZE and QUANTIZE"
        left = sorted({operation.operator for operation in members if not operation.delegated})
        return f"{text}, and the delegate takes no {', '.join(left)}" if left else text

    def _type(operation: Operation) -> str:
        return values[operation.outputs[0]].dtype if operation.outputs else ""

    return explain
