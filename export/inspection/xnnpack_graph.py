"""The subgraph that ExecuTorch's XNNPACK delegate stores in a ``.pte`` file."""

from __future__ import annotations

import json
import math
import re
import struct
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from export.inspection.graph import Operation, Value
from export.packages import require

#: executorch backends/xnnpack/serialization: the header in front of the flatbuffer.
_HEADER = struct.Struct("<4x4sHIIIQ")
_MAGIC = b"XH00"

#: enum XNNDatatype of schema.fbs to the type of the stored element.
_DTYPES = {
    "fp32": "float32",
    "pfp32": "float32",
    "fp16": "float16",
    "bf16": "bfloat16",
    "qint8": "int8",
    "qcint8": "int8",
    "qdint8": "int8",
    "qpint8": "int8",
    "quint8": "uint8",
    "qint32": "int32",
    "qcint32": "int32",
    "int32": "int32",
    "qcint4": "int4",
    "qbint4": "int4",
}
_BITS = {"float32": 32, "int32": 32, "float16": 16, "bfloat16": 16, "int4": 4}
_CONVOLUTIONS = ("XNNConv2d", "XNNDepthwiseConv2d", "XNNConvTranspose2d")
_SOURCES = ("input", "input1", "input2", "input3", "input4", "input5", "filter", "bias", "query")
_RESULTS = ("output", "output_value", "output_index")
_NO_VALUE = 0xFFFFFFFF


class XnnpackGraph:
    """One delegate call: values and operations, whose names start with ``prefix``.

    ``ports`` are the inputs and outputs in the order of the call's arguments.
    """

    def __init__(self, blob: bytes, prefix: str) -> None:
        self._table = _decode(blob)
        self._prefix = prefix
        self.values: dict[str, Value] = {}
        ports: dict[int, str] = {}
        outer = {*self._table.get("input_ids", ()), *self._table.get("output_ids", ())}
        for entry in self._table["xvalues"]:
            tensor = entry["xvalue_union"]
            tensor = tensor.get("tensor_value", tensor)
            if tensor["id_out"] in outer:
                ports[tensor["external_id"]] = self._name(tensor["id_out"])
            self.values[self._name(tensor["id_out"])] = Value(
                _dtype(tensor["datatype"]),
                tuple(tensor.get("dims", ())),
                constant=tensor["constant_buffer_idx"] != 0,
            )
        self.ports = [ports[external] for external in sorted(ports)]

    def weight_bytes(self) -> dict[str, int]:
        """Bytes of the constants by type; values that share one constant count once."""
        found: dict[str, int] = {}
        seen = set()
        for entry in self._table["xvalues"]:
            tensor = entry["xvalue_union"]
            tensor = tensor.get("tensor_value", tensor)
            index = tensor["constant_buffer_idx"]
            if index == 0 or index in seen:
                continue
            seen.add(index)
            dtype = _dtype(tensor["datatype"])
            size = math.prod(tensor.get("dims", ())) * _BITS.get(dtype, 8) // 8
            found[dtype] = found.get(dtype, 0) + size
        return found

    def operations(self, renamed: Mapping[str, str]) -> list[Operation]:
        """The operations in order; ``renamed`` maps the delegate's ports to outer values."""
        found = []
        for index, entry in enumerate(self._table["xnodes"]):
            node = entry["xnode_union"]
            inputs = self._ports(node, _SOURCES)
            outputs = self._ports(node, _RESULTS)
            operator = entry["xnode_union_type"].removeprefix("XNN")
            found.append(
                Operation(
                    operator=operator,
                    name=f"{self._prefix}/{index}:{operator}",
                    inputs=tuple(renamed.get(name, name) for name in inputs),
                    outputs=tuple(renamed.get(name, name) for name in outputs),
                    macs=self._macs(entry["xnode_union_type"], node, inputs, outputs),
                    delegated=True,
                )
            )
        return found

    def _name(self, index: int) -> str:
        return f"{self._prefix}/{index}"

    def _ports(self, node: dict[str, Any], ports: tuple[str, ...]) -> list[str]:
        found = (node.get(f"{port}_id", _NO_VALUE) for port in ports)
        # Absent biases and unused concatenation inputs are marked with the largest number.
        names = [self._name(index) for index in found if index != _NO_VALUE]
        return [name for name in names if name in self.values]

    def _macs(
        self, operator: str, node: dict[str, Any], inputs: list[str], outputs: list[str]
    ) -> int:
        if not outputs:
            return 0
        written = self.values[outputs[0]].elements
        if operator == "XNNConvTranspose2d":
            window = node["kernel_height"] * node["kernel_width"] * node["group_output_channels"]
            return int(self.values[inputs[0]].elements * window)
        if operator in _CONVOLUTIONS:
            window = node["kernel_height"] * node["kernel_width"] * node["group_input_channels"]
            return int(written * window)
        if operator == "XNNFullyConnected":
            weights = self.values[self._name(node["filter_id"])]
            columns = self.values[outputs[0]].shape[-1]
            return written * weights.elements // columns
        if operator == "XNNBatchMatrixMultiply":
            return written * self.values[inputs[0]].shape[-1]
        return 0


def _dtype(datatype: str) -> str:
    short = datatype.removeprefix("xnn_datatype_")
    return _DTYPES.get(short, short)


def _decode(blob: bytes) -> dict[str, Any]:
    """The XNNGraph table as JSON has it.

    Raises:
        ValueError: the blob holds no XNNPACK graph.
    """
    flatbuffer = require("executorch.exir._serialize._flatbuffer", "executorch")
    payload = blob
    if blob[4:8] == _MAGIC:
        _, _, offset, size, _, _ = _HEADER.unpack_from(blob)
        payload = blob[offset : offset + size]
        if len(payload) != size:
            raise ValueError("an XNNPACK delegate is cut off")
    schema = resources.files("executorch.backends.xnnpack.serialization") / "schema.fbs"
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "graph.bin"
        stored.write_bytes(payload)
        described = Path(folder) / "schema.fbs"
        described.write_bytes(schema.read_bytes())
        flatbuffer._flatc_decompile(folder, str(described), str(stored))
        text = (Path(folder) / "graph.json").read_text(encoding="utf-8")
    # flatc writes infinities, the bounds of ReLU, in a way that JSON does not know.
    text = re.sub(r"(?<=[:\[,])\s*(-?)inf\b", r"\1Infinity", text)
    text = re.sub(r"(?<=[:\[,])\s*-?nan\b", "NaN", text)
    table: dict[str, Any] = json.loads(text)
    return table
