"""What the table has of an operator, and when several images may go through it at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from runtime_bench.runtimes.mil_interpreter.call import Call, Operation

Function = Callable[[Call], Tensor | tuple[Tensor, ...]]
# Whether several images may go through at once, each as if it were alone: given the operation and
# the ranks of its arguments that depend on the image.
Batchable = Callable[[Operation, dict[str, int]], bool]


@dataclass(frozen=True)
class Operator:
    """A function and when it may take several images at once."""

    function: Function
    batchable: Batchable


def always(operation: Operation, ranks: dict[str, int]) -> bool:
    """Rule of an operator that computes each image by itself."""
    return True


def never(operation: Operation, ranks: dict[str, int]) -> bool:
    """Rule of an operator on constants alone."""
    return False


def same_rank(operation: Operation, ranks: dict[str, int]) -> bool:
    """Rule of an operator of several values: all have the rank of the result."""
    # Broadcasting aligns the last axes: a shorter operand would meet the batch axis elsewhere.
    rank = len(operation.shapes[0])
    return rank > 0 and all(other == rank for other in ranks.values())


def not_axis(name: str) -> Batchable:
    """The rule that the constant axes in the argument ``name`` are given and not the batch's."""

    def batchable(operation: Operation, ranks: dict[str, int]) -> bool:
        if name not in operation.arguments:
            return False
        rank = max(ranks.values())
        return all(axis % rank != 0 for axis in constant_ints(operation, name))

    return batchable


def only_x(operation: Operation, ranks: dict[str, int]) -> bool:
    """Rule of an operator whose ``x`` alone depends on the image."""
    return set(ranks) == {"x"}


def only_input(operation: Operation, ranks: dict[str, int]) -> bool:
    """Rule of an operator whose ``input`` alone depends on the image."""
    return set(ranks) == {"input"}


def first_value(value: object) -> object:
    """The first element of an array; what is none, itself."""
    return next(iter(value.flat)) if hasattr(value, "flat") else value


def constant_ints(operation: Operation, name: str) -> list[int]:
    """A constant argument, or vector of it, as integers."""
    value = operation.arguments[name]
    return [int(item) for item in getattr(value, "flat", [value])]
