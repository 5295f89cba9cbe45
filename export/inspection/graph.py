"""The one form that every format's reader brings an artefact into."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from export.coverage import IslandKind
from export.inspection.inspection import Port

#: Types whose integers stand for reals.
QUANTIZED = frozenset({"int8", "uint8", "int4", "int16"})
FLOATS = frozenset({"float32", "float16", "bfloat16", "float64"})

Kind = Literal["int8", "float", "convert", "constant", "other"]


@dataclass(frozen=True)
class Value:
    """A tensor. ``constant`` values are weights and parameters."""

    dtype: str
    shape: tuple[int, ...]
    constant: bool = False

    @property
    def elements(self) -> int:
        """Number of elements; 1 for a scalar."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Operation:
    """One operator as the runtime runs it; inputs and outputs name values of the graph."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    macs: int = 0
    delegated: bool = False


@dataclass(frozen=True)
class Graph:
    """Operations in order of execution; what is neither constant nor computed is an input."""

    values: dict[str, Value]
    operations: tuple[Operation, ...]

    @cached_property
    def constants(self) -> frozenset[str]:
        """Names of constants and of what is computed from constants alone."""
        known = {name for name, value in self.values.items() if value.constant}
        for operation in self.operations:
            if known.issuperset(operation.inputs):
                known.update(operation.outputs)
        return frozenset(known)

    def activations(self, names: Sequence[str]) -> list[Value]:
        """The values among ``names`` that depend on the input."""
        return [
            self.values[name]
            for name in names
            if name in self.values and name not in self.constants
        ]

    def kind(self, operation: Operation) -> Kind:
        """What an operation computes on.

        A change between float and int8 is a conversion, except in matrix products, which may
        write floats from int8 inputs.
        """
        read, written = self.activations(operation.inputs), self.activations(operation.outputs)
        if not written:
            return "constant"
        before = {value.dtype for value in read}
        after = {value.dtype for value in written}
        if operation.macs:
            return "int8" if before & QUANTIZED and not before & FLOATS else "float"
        if (before & QUANTIZED and after & FLOATS) or (before & FLOATS and after & QUANTIZED):
            return "convert"
        if (before | after) & FLOATS:
            return "float"
        return "int8" if (before | after) & QUANTIZED else "other"

    def elements(self, operation: Operation) -> int:
        """Activation elements that an operation reads and writes."""
        touched = self.activations((*operation.inputs, *operation.outputs))
        return sum(value.elements for value in touched)


Explain = Callable[[Sequence[Operation], IslandKind], str]


@dataclass(frozen=True)
class Reading:
    """What a format's reader found.

    ``graph`` holds what runs; ``stored_operators`` counts what the file holds where that differs;
    ``explain`` says why neighbouring operations became an island of the given kind;
    ``partitions`` is None where there is no delegate or the device decides about it.
    """

    format: str
    graph: Graph
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    weight_bytes: dict[str, int]
    explain: Explain
    stored_operators: dict[str, int] | None = None
    partitions: int | None = None
    arena_bytes: int | None = None
    notes: tuple[str, ...] = field(default=())
