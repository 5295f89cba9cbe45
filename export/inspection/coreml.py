"""Core ML ``.mlpackage``: the stored MIL program, and what of it has an int8 form."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from export.coremltools_import import import_coremltools
from export.coverage import IslandKind
from export.inspection.base import corrupt_file, refuse
from export.inspection.coreml_ports import port_of
from export.inspection.graph import Graph, Operation, Reading, Value

#: Operators that coremltools quantizes the activations of, since Core ML has int8 forms of them
#: (converters/mil/mil/passes/defs/optimize_activation_quantization.py, and for products
#: optimize/torch/quantization/_coreml_quantizer.py).
_INT8_FORMS = frozenset({"conv", "add", "mul", "avg_pool", "max_pool", "linear"})
#: Operators that only move elements and keep a grid.
_MOVES = frozenset({"reshape", "transpose", "squeeze", "expand_dims", "concat"})
#: Of these, the ones with a weight that must be int8 too.
_WEIGHTED = frozenset({"conv", "linear"})
#: Activations that the first file lets follow inside one kernel; clip is not among them.
_ACTIVATIONS = frozenset(
    {"leaky_relu", "tanh", "scaled_tanh", "sigmoid", "hard_sigmoid", "relu", "relu6"}
)
#: What coremltools writes hard-swish as, which the second file lets follow a layer.
_HARD_SWISH = ("thresholded_relu", "sigmoid_hard", "mul")
_WEIGHT_OPERATORS = ("constexpr_", "const")
_BITS = {"float16": 16, "float32": 32, "int32": 32, "float64": 64, "int64": 64, "int16": 16}
_BITS.update({"uint16": 16, "uint4": 4, "int4": 4, "bool": 8})
_LAYER_INPUTS = {"conv": "x", "conv_transpose": "x", "linear": "x", "matmul": "x"}


class CoreMLReader:
    """Reads the protobuf of the package; nothing is loaded into Core ML."""

    format = "coreml"

    def recognizes(self, path: Path) -> bool:
        """Whether the folder has a package's manifest."""
        return (path / "Manifest.json").is_file()

    def read(self, path: Path) -> Reading:
        """Read a package; see :class:`export.inspection.base.Reader`."""
        proto: Any = import_coremltools("coremltools.proto.Model_pb2")
        with corrupt_file(path, "Core ML package"):
            model = proto.Model()
            model.ParseFromString(_model_file(path).read_bytes())
            if model.WhichOneof("Type") != "mlProgram":
                raise refuse(path, "Core ML package", "it holds no ML program")
            function = model.mlProgram.functions["main"]
            block = function.block_specializations[function.opset]
            program = _Program(function.inputs, block)
            program.check_blobs(path)
            fused = program.fused()
        return Reading(
            format=self.format,
            graph=fused,
            inputs=tuple(port_of(feature) for feature in model.description.input),
            outputs=tuple(port_of(feature) for feature in model.description.output),
            weight_bytes=program.weight_bytes,
            explain=_explain,
            stored_operators=dict(Counter(o.operator for o in program.operations).most_common()),
            notes=(
                "Core ML decides at load time which processor and which kernels run: int8 means "
                "the form that can run in int8 (iOS 17), and no delegated share is known",
            ),
        )


def _model_file(path: Path) -> Path:
    manifest = json.loads((path / "Manifest.json").read_text(encoding="utf-8"))
    root = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]
    return path / "Data" / str(root["path"])


class _Program:
    """The operations of a block with their values."""

    def __init__(self, inputs: Any, block: Any) -> None:
        self.values = {entry.name: _value(entry.type, constant=False) for entry in inputs}
        self.operations: list[Operation] = []
        self.weight_bytes: dict[str, int] = {}
        self._blobs: list[tuple[str, int, int]] = []
        for operation in block.operations:
            self._add(operation)

    def check_blobs(self, path: Path) -> None:
        """Raise ValueError where a weight lies behind the end of its file."""
        for name, offset, size in self._blobs:
            stored = path / "Data" / "com.apple.CoreML" / name.removeprefix("@model_path/")
            if not stored.is_file() or stored.stat().st_size < offset + size:
                raise ValueError(f"{stored.name} is missing or cut off")

    def fused(self) -> Graph:
        """The graph with every dequantize, operator, quantize that has an int8 form as one."""
        readers: dict[str, list[Operation]] = defaultdict(list)
        makers: dict[str, Operation] = {}
        for operation in self.operations:
            for name in operation.inputs:
                readers[name].append(operation)
            for name in operation.outputs:
                makers[name] = operation
        replaced: dict[str, Operation] = {}
        absorbed: set[str] = set()
        for operation in self.operations:
            chain = self._int8_chain(operation, makers, readers)
            if chain is None:
                continue
            quantize = readers[chain[-1].outputs[0]][0]
            sources = (self._int8_source(name, makers) for name in operation.inputs)
            # It stands where its quantize stood, behind everything that it reads.
            replaced[quantize.name] = replace(
                operation, inputs=tuple(sources), outputs=quantize.outputs
            )
            absorbed.update(member.name for member in chain)
        kept = [
            replaced.get(operation.name, operation)
            for operation in self.operations
            if operation.name not in absorbed or operation.name in replaced
        ]
        return Graph(self.values, tuple(_without_unread(kept)))

    def _int8_chain(
        self,
        operation: Operation,
        makers: Mapping[str, Operation],
        readers: Mapping[str, list[Operation]],
    ) -> list[Operation] | None:
        """The operation and its activation, where int8 values surround them; outputs come last."""
        if operation.operator not in _INT8_FORMS | _MOVES:
            return None
        data = [n for n in operation.inputs if not self.values[n].constant]
        if not data or any(_maker(makers, name) != "dequantize" for name in data):
            return None
        if operation.operator in _WEIGHTED and not self._int8_weight(operation, makers):
            return None
        chain = [operation]
        if operation.operator in _WEIGHTED:
            chain += _hard_swish_behind(operation, readers)
        while True:
            following = [reader for name in chain[-1].outputs for reader in readers[name]]
            if len(following) != 1:
                return None
            if following[0].operator == "quantize":
                return chain
            fits = operation.operator not in _MOVES and following[0].operator in _ACTIVATIONS
            if not fits or len(chain) > 1:
                return None
            chain.append(following[0])

    def _int8_weight(self, operation: Operation, makers: Mapping[str, Operation]) -> bool:
        constants = [n for n in operation.inputs if self.values[n].constant]
        made = [makers[n] for n in constants if n in makers]
        return any(
            maker.operator.startswith("constexpr_")
            and any(self.values[n].dtype in ("int8", "uint8") for n in maker.inputs)
            for maker in made
        )

    def _int8_source(self, name: str, makers: Mapping[str, Operation]) -> str:
        return makers[name].inputs[0] if _maker(makers, name) == "dequantize" else name

    def _add(self, operation: Any) -> None:
        constant = operation.type.startswith(_WEIGHT_OPERATORS)
        for output in operation.outputs:
            self.values[output.name] = _value(output.type, constant)
        name = operation.outputs[0].name
        inputs = list(_arguments(operation))
        for role, held in self._held(operation):
            stored = f"{name}/{role}"
            self.values[stored] = _value(held.type, constant=True)
            if role != "name":
                inputs.append(stored)
                self._count(held, self.values[stored])
        if operation.type == "const":
            return
        self.operations.append(
            Operation(
                operator=operation.type,
                name=name,
                inputs=tuple(dict.fromkeys(inputs)),
                outputs=tuple(output.name for output in operation.outputs),
                macs=self._macs(operation),
            )
        )

    def _held(self, operation: Any) -> Iterator[tuple[str, Any]]:
        """Constants inside an operation: attributes, and inputs given as values."""
        for role, value in operation.attributes.items():
            if value.type.WhichOneof("type") == "tensorType":
                yield role, value
        for role, argument in operation.inputs.items():
            for binding in argument.arguments:
                if binding.WhichOneof("binding") == "value":
                    yield role, binding.value

    def _count(self, held: Any, value: Value) -> None:
        if value.dtype == "string":
            return
        size = math.ceil(value.elements * _BITS.get(value.dtype, 8) / 8)
        self.weight_bytes[value.dtype] = self.weight_bytes.get(value.dtype, 0) + size
        if held.WhichOneof("value") == "blobFileValue":
            self._blobs.append((held.blobFileValue.fileName, held.blobFileValue.offset, size))

    def _macs(self, operation: Any) -> int:
        if operation.type not in _LAYER_INPUTS:
            return 0
        written = self.values[operation.outputs[0].name]
        given = self.values[_named(operation, "x")]
        if operation.type == "matmul":
            transposed = self._flag(operation, "transpose_x")
            return written.elements * given.shape[-2 if transposed else -1]
        weight = self.values[_named(operation, "weight")]
        if operation.type == "conv_transpose":
            return given.elements * math.prod(weight.shape[1:])
        return written.elements * math.prod(weight.shape[1:])

    def _flag(self, operation: Any, role: str) -> bool:
        argument = operation.inputs.get(role)
        if argument is None or argument.arguments[0].WhichOneof("binding") != "value":
            return False
        return bool(argument.arguments[0].value.immediateValue.tensor.bools.values[0])


def _hard_swish_behind(
    operation: Operation, readers: Mapping[str, list[Operation]]
) -> list[Operation]:
    """The three operations of the hard-swish that alone reads ``operation``; else none."""
    threshold = readers[operation.outputs[0]]
    if [entry.operator for entry in threshold] != [_HARD_SWISH[0]]:
        return []
    gate_and_product = readers[threshold[0].outputs[0]]
    if {entry.operator for entry in gate_and_product} != set(_HARD_SWISH[1:]):
        return []
    gate, product = sorted(gate_and_product, key=lambda entry: _HARD_SWISH.index(entry.operator))
    return [*threshold, gate, product] if readers[gate.outputs[0]] == [product] else []


def _arguments(operation: Any) -> Iterator[str]:
    """Names of the values an operation reads; what it computes on comes first."""
    roles = sorted(operation.inputs, key=lambda role: (role not in ("x", "input", "y"), role))
    for role in roles:
        for binding in operation.inputs[role].arguments:
            if binding.WhichOneof("binding") == "name":
                yield binding.name


def _named(operation: Any, role: str) -> str:
    """The value that an input is bound to, given by name or inside the operation."""
    binding = operation.inputs[role].arguments[0]
    if binding.WhichOneof("binding") == "name":
        return str(binding.name)
    return f"{operation.outputs[0].name}/{role}"


def _maker(makers: Mapping[str, Operation], name: str) -> str:
    return makers[name].operator if name in makers else ""


def _without_unread(operations: Sequence[Operation]) -> list[Operation]:
    """Drop conversions that fusing left without a reader."""
    read = {name for operation in operations for name in operation.inputs}
    return [
        operation
        for operation in operations
        if operation.operator != "dequantize" or read.intersection(operation.outputs)
    ]


def _value(kind: Any, constant: bool) -> Value:
    tensor = kind.tensorType
    name = tensor.DESCRIPTOR.fields_by_name["dataType"].enum_type.values_by_number[tensor.dataType]
    shape = tuple(dimension.constant.size for dimension in tensor.dimensions)
    return Value(name.name.lower(), shape, constant)


def _explain(members: Sequence[Operation], kind: IslandKind) -> str:
    names = list(dict.fromkeys(operation.operator for operation in members))
    foreign = [name for name in names if name not in _INT8_FORMS | _ACTIVATIONS | _MOVES]
    if foreign and len(foreign) < len(names):
        return f"{', '.join(names)} pass floats to one another, through {', '.join(foreign)}"
    if foreign:
        return f"Core ML has no int8 form of {', '.join(foreign)}"
    return f"{', '.join(names)} is not surrounded by quantized values one by one"
