"""ExecuTorch ``.pte``: the instructions of ``forward`` and the XNNPACK graphs they call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from export.coverage import IslandKind
from export.executorch_format import IDENTIFIERS, SCALAR_TYPES
from export.inspection.base import corrupt_file, leading_bytes
from export.inspection.graph import Graph, Operation, Reading, Value
from export.inspection.inspection import Port
from export.inspection.xnnpack_graph import XnnpackGraph
from export.packages import require

_XNNPACK = "XnnpackBackend"
# Operators whose multiply-accumulates are (elements of the result) x (numbers per filter).
_CONVOLUTION = "aten::convolution"
# And those of matrix products: the argument whose last dimension is summed over.
_PRODUCTS = {"aten::addmm": 1, "aten::mm": 0, "aten::bmm": 0, "aten::linear": 0}


class ExecuTorchReader:
    """Reads the program and what its delegates hold."""

    format = "executorch"

    def recognizes(self, path: Path) -> bool:
        """Whether the file has ExecuTorch's identifier."""
        return leading_bytes(path, 8)[4:] in IDENTIFIERS

    def read(self, path: Path) -> Reading:
        """Read a program; see :class:`export.inspection.base.Reader`."""
        serialize = require("executorch.exir._serialize._program", "executorch")
        with corrupt_file(path, "ExecuTorch program"):
            stored = serialize.deserialize_pte_binary(path.read_bytes())
            program = stored.program
            plan = next(p for p in program.execution_plan if p.name == "forward")
            found = _read_plan(plan, program)
        notes = tuple(f"{backend} delegates are not opened" for backend in sorted(found.foreign))
        unused = found.unused_bytes
        if unused:
            notes += (f"{unused} bytes of constants are stored that no instruction reads",)
        return Reading(
            format=self.format,
            graph=Graph(found.values, tuple(found.operations)),
            inputs=tuple(_port(plan, "input", index) for index in plan.inputs),
            outputs=tuple(_port(plan, "output", index) for index in plan.outputs),
            weight_bytes=found.weight_bytes,
            explain=_explain,
            partitions=found.partitions,
            # Buffer 0 stands for constants; the delegates allocate their own workspace at load.
            arena_bytes=sum(plan.non_const_buffer_sizes[1:]),
            notes=notes,
        )


@dataclass
class _Plan:
    values: dict[str, Value] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    weight_bytes: dict[str, int] = field(default_factory=dict)
    partitions: int = 0
    foreign: set[str] = field(default_factory=set)
    unused_bytes: int = 0


def _read_plan(plan: Any, program: Any) -> _Plan:
    found = _Plan()
    constants: dict[str, int] = {}
    for index, entry in enumerate(plan.values):
        tensor = entry.val
        if type(tensor).__name__ != "Tensor":
            continue
        # Constants point into a buffer and are given no place in the arena.
        constant = tensor.allocation_info is None and tensor.data_buffer_idx > 0
        value = Value(_dtype(tensor), tuple(tensor.sizes), constant)
        found.values[_value(index)] = value
        if constant:
            constants[_value(index)] = tensor.data_buffer_idx
    read: set[str] = set()
    for chain in plan.chains:
        for position, instruction in enumerate(chain.instructions):
            call = instruction.instr_args
            kind = type(call).__name__
            if kind == "KernelCall":
                found.operations.append(_kernel(plan, call, position, found.values))
                read.update(found.operations[-1].inputs)
            elif kind == "DelegateCall":
                _delegate(plan, program, call, found)
                read.update(_value(index) for index in call.args)
    stored = {
        buffer: len(program.constant_buffer[buffer].storage) for buffer in set(constants.values())
    }
    used = {buffer for name, buffer in constants.items() if name in read}
    for name, buffer in constants.items():
        if buffer in stored:
            size, dtype = stored.pop(buffer), found.values[name].dtype
            found.weight_bytes[dtype] = found.weight_bytes.get(dtype, 0) + size
            found.unused_bytes += 0 if buffer in used else size
    return found


def _kernel(plan: Any, call: Any, position: int, values: dict[str, Value]) -> Operation:
    entry = plan.operators[call.op_index]
    tensors: list[str] = []
    for index in call.args:
        held = plan.values[index].val
        listed = held.items if type(held).__name__.endswith("TensorList") else [index]
        tensors += [_value(item) for item in listed if _value(item) in values]
    # Kernels take the tensor they write to last, and emission names it twice.
    written = tensors[-1:]
    read = tuple(name for name in tensors if name not in written)
    return Operation(
        operator=entry.name,
        name=f"{position}:{entry.name}",
        inputs=read,
        outputs=tuple(written),
        macs=_macs(entry.name, [values[name] for name in read], [values[n] for n in written]),
    )


def _macs(operator: str, read: Sequence[Value], written: Sequence[Value]) -> int:
    if operator == _CONVOLUTION:
        weight = read[1]
        return written[0].elements * weight.elements // weight.shape[0]
    if operator in _PRODUCTS:
        return written[0].elements * read[_PRODUCTS[operator]].shape[-1]
    return 0


def _delegate(plan: Any, program: Any, call: Any, found: _Plan) -> None:
    found.partitions += 1
    delegate = plan.delegates[call.delegate_index]
    if delegate.id != _XNNPACK:
        found.foreign.add(delegate.id)
        return
    blob = bytes(program.backend_delegate_data[delegate.processed.index].data)
    graph = XnnpackGraph(blob, f"xnnpack{found.partitions - 1}")
    renamed = {
        port: _value(index)
        for port, index in zip(graph.ports, call.args, strict=True)
        if _value(index) in found.values
    }
    found.values.update(
        (name, value) for name, value in graph.values.items() if name not in renamed
    )
    found.operations += graph.operations(renamed)
    for dtype, size in graph.weight_bytes().items():
        found.weight_bytes[dtype] = found.weight_bytes.get(dtype, 0) + size


def _value(index: int) -> str:
    return f"value {index}"


def _dtype(tensor: Any) -> str:
    return SCALAR_TYPES.get(int(tensor.scalar_type), "another type")


def _port(plan: Any, role: str, index: int) -> Port:
    tensor = plan.values[index].val
    # A program keeps no names.
    position = (plan.inputs if role == "input" else plan.outputs).index(index)
    return Port(name=f"{role} {position}", shape=tuple(tensor.sizes), dtype=_dtype(tensor))


def _explain(members: Sequence[Operation], kind: IslandKind) -> str:
    outside = [operation.operator for operation in members if not operation.delegated]
    if not outside:
        names = ", ".join(sorted({operation.operator for operation in members}))
        return f"{names} stayed in float inside XNNPACK: the graph was not lowered to int8 there"
    if any(name.endswith("_to_dim_order_copy") for name in outside):
        return "a constant or a change of type that is copied at every call"
    supported = _partitioned()
    refused = sorted({name for name in outside if _short(name) in supported})
    if refused:
        names = ", ".join(refused)
        return f"the XNNPACK partitioner refused {names} for its types, shape or arguments"
    return f"XNNPACK's partitioner knows no {', '.join(sorted(set(outside)))}"


def _short(operator: str) -> str:
    return operator.rpartition("::")[2].removesuffix("_")


@cache
def _partitioned() -> frozenset[str]:
    """Names of the operators that the partitioner has a configuration for."""
    config = require("executorch.backends.xnnpack.partition.config", "executorch")
    return frozenset(
        entry.target_name.partition(".")[0] for entry in config.ALL_PARTITIONER_CONFIGS
    )
