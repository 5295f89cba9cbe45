"""Quantize and dequantize in one operation, which computes on no integers between them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from runtime_bench.runtimes.mil_interpreter.call import Argument, Operation, Reference


def fuse_quantize_dequantize(
    operations: list[Operation], outputs: tuple[str, ...]
) -> list[Operation]:
    """Join a per-tensor quantize and the dequantizes of its output, where nothing else reads it.

    Both need the same scale and zero point, as every converter writes them.
    """
    readers: dict[str, list[Operation]] = {}
    for operation in operations:
        for name in operation.references():
            readers.setdefault(name, []).append(operation)
    renamed: dict[str, str] = {}
    dropped: set[str] = set()
    fused = []
    for operation in operations:
        if operation.outputs[0] in dropped:
            continue
        later = readers.get(operation.outputs[0], [])
        same = all(_undoes(operation, reader) for reader in later)
        # The outputs of the whole program must keep their own names.
        names = {operation.outputs[0], *(reader.outputs[0] for reader in later[1:])}
        if operation.kind == "quantize" and later and same and names.isdisjoint(outputs):
            first, *others = later
            dropped.update(reader.outputs[0] for reader in later)
            renamed.update({reader.outputs[0]: first.outputs[0] for reader in others})
            operation = replace(
                operation,
                kind="quantize_dequantize",
                outputs=first.outputs,
                half=first.half,
            )
        fused.append(_rename(operation, renamed))
    return fused


def _undoes(quantize: Operation, reader: Operation) -> bool:
    if quantize.kind != "quantize" or reader.kind != "dequantize":
        return False
    for name in ("scale", "zero_point"):
        one, two = quantize.arguments.get(name), reader.arguments.get(name)
        if one is None and two is None and name == "zero_point":
            continue
        if not isinstance(one, np.ndarray) or not isinstance(two, np.ndarray):
            return False
        if one.ndim or two.ndim or one != two:
            return False
    return True


def _rename(operation: Operation, renamed: dict[str, str]) -> Operation:
    def of(argument: Argument) -> Argument:
        if isinstance(argument, tuple):
            return tuple(of(part) for part in argument)
        if isinstance(argument, Reference):
            return Reference(renamed.get(argument.name, argument.name))
        return argument

    arguments = {name: of(argument) for name, argument in operation.arguments.items()}
    return replace(operation, arguments=arguments)
