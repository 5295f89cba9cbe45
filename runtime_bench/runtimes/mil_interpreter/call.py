"""One operator of a program with its arguments, as the operator functions see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Reference:
    """An argument that is the output of another operator, or the program's input."""

    name: str


# An argument: computed elsewhere, a tensor or number of the file, or several of them (``concat``).
Argument = Reference | np.ndarray[Any, Any] | str | tuple["Argument", ...]


@dataclass(frozen=True)
class Operation:
    """An operator as the file has it.

    ``half`` is whether its outputs, where they are no integers, are float16; ``shapes`` are theirs
    with batch 1.
    """

    kind: str
    arguments: Mapping[str, Argument]
    outputs: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    half: bool

    def references(self) -> list[str]:
        """The names this operator reads."""
        names: list[str] = []
        for argument in self.arguments.values():
            parts = argument if isinstance(argument, tuple) else (argument,)
            names.extend(part.name for part in parts if isinstance(part, Reference))
        return names


@dataclass(frozen=True)
class Call:
    """An operation together with the values it reads."""

    operation: Operation
    values: Mapping[str, Tensor]
    batch: int

    def has(self, name: str) -> bool:
        """Whether the optional argument is given."""
        return name in self.operation.arguments

    def tensor(self, name: str) -> Tensor:
        """An argument as a tensor; float16 constants come as float32."""
        return self._tensor(self.operation.arguments[name])

    def tensors(self, name: str) -> list[Tensor]:
        """A list of tensors, such as ``concat``'s."""
        argument = self.operation.arguments[name]
        parts = argument if isinstance(argument, tuple) else (argument,)
        return [self._tensor(part) for part in parts]

    def optional(self, name: str) -> Tensor | None:
        """An argument as a tensor, None where it is not given."""
        return self.tensor(name) if self.has(name) else None

    def ints(self, name: str) -> list[int]:
        """A constant vector of integers (or a scalar, as one)."""
        return [int(value) for value in np.atleast_1d(self._constant(name))]

    def integer(self, name: str, default: int | None = None) -> int:
        """A constant integer."""
        if default is not None and not self.has(name):
            return default
        return int(self._constant(name))

    def number(self, name: str) -> float:
        """A constant number."""
        return float(self._constant(name))

    def flag(self, name: str, default: bool = False) -> bool:
        """A constant truth value."""
        return bool(self._constant(name)) if self.has(name) else default

    def text(self, name: str) -> str:
        """A constant string."""
        return str(self.operation.arguments[name])

    def _constant(self, name: str) -> Any:
        argument = self.operation.arguments[name]
        if isinstance(argument, Reference):
            return self.values[argument.name].numpy()
        return argument

    def _tensor(self, argument: Argument) -> Tensor:
        if isinstance(argument, Reference):
            return self.values[argument.name]
        return constant_tensor(argument)


def constant_tensor(value: Any) -> Tensor:
    """A constant as a tensor; float16 widened, since torch's kernels for it are slow on CPUs."""
    array = np.asarray(value)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    # Copied: arrays of the file may be read-only.
    return torch.from_numpy(np.array(array))
