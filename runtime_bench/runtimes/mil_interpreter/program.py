"""A saved ``.mlpackage`` as a list of operations that can be run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from export.coremltools_import import import_coremltools
from runtime_bench.runtimes.mil_interpreter.call import (
    Argument,
    Call,
    Operation,
    Reference,
    constant_tensor,
)
from runtime_bench.runtimes.mil_interpreter.fusing import fuse_quantize_dequantize
from runtime_bench.runtimes.mil_interpreter.operators import OPERATORS

WEIGHTS = Path("Data/com.apple.CoreML/weights")
CLASSIFY = "classify"
"""What gives a classifier's answer by the names of its classes."""


class UnknownOperatorError(NotImplementedError):
    """An operator, or an option of one, that the interpreter does not compute."""


@dataclass(frozen=True)
class MilProgram:
    """One function of MIL with its constants computed.

    Attributes:
        operations: what depends on the input, in order.
        constants: name to tensor: weights (int8 ones already dequantized) and such.
        last_use: for every operation, the names that nothing after it reads.
        input_name: the image.
        input_shape: as in the file, (1, 3, height, width).
        output_names: in the order of the file.
        batchable: whether several images may go through at once.
        takes_pictures: whether the input is a picture, of pixels 0 to 255.
        gives_pictures: outputs that are pictures of one channel, 8 bits a pixel.
        properties: what the package's metadata says, texts by key.
    """

    operations: tuple[Operation, ...]
    constants: dict[str, Tensor]
    last_use: tuple[tuple[str, ...], ...]
    input_name: str
    input_shape: tuple[int, ...]
    output_names: tuple[str, ...]
    batchable: bool
    half_input: bool
    takes_pictures: bool = False
    gives_pictures: frozenset[str] = frozenset()
    properties: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, package: Path) -> MilProgram:
        """Read specification and weights.

        Raises:
            UnknownOperatorError: it has an operator that ``OPERATORS`` lacks.
            ValueError: it is no ML program of one input.
            Exception: whatever coremltools raises on what is not an intact package.
        """
        coremltools = import_coremltools()
        from coremltools.converters.mil.frontend.milproto import load as milproto

        specification = coremltools.utils.load_spec(str(package))
        if specification.WhichOneof("Type") != "mlProgram":
            raise ValueError("it is not an ML program")
        function = milproto.load(
            specification,
            specification_version=specification.specificationVersion,
            file_weights_dir=str(package / WEIGHTS),
        ).functions["main"]
        inputs = list(function.inputs.values())
        if len(inputs) != 1 or not function.outputs:
            raise ValueError("it is not of one input and some outputs")
        operations = [
            _operation(operation)
            for operation in function.operations
            if operation.op_type not in ("const", CLASSIFY)
        ]
        # What it gives by class, a text and a dictionary, is not computed.
        by_class = {
            output.name
            for operation in function.operations
            if operation.op_type == CLASSIFY
            for output in operation.outputs
        }
        # The function's own names, which the operations refer to.
        (given,) = inputs
        kind = specification.description.input[0].type.WhichOneof("Type")
        names = tuple(o.name for o in function.outputs if o.name not in by_class)
        operations = fuse_quantize_dequantize(operations, names)
        constants, operations = _fold(operations)
        shape = tuple(int(size) for size in given.shape)
        half = coremltools.converters.mil.mil.types.builtin_to_string(given.dtype) == "fp16"
        return cls(
            operations=tuple(operations),
            constants=constants,
            last_use=_last_use(operations, names),
            input_name=given.name,
            input_shape=shape,
            output_names=names,
            batchable=_batchable(operations, given.name, shape),
            half_input=half,
            takes_pictures=kind == "imageType",
            gives_pictures=frozenset(
                output.name
                for output in specification.description.output
                if output.type.WhichOneof("Type") == "imageType"
            ),
            properties=dict(specification.description.metadata.userDefined),
        )

    def run(self, batch: Tensor) -> dict[str, Tensor]:
        """The outputs of float32 images by name: (N, 3, height, width), N = 1 unless ``batchable``;
        of pictures their pixels, (N, height, width).

        Raises:
            UnknownOperatorError: an operator has an option that is not computed.
        """
        values = {**self.constants, self.input_name: _half(batch) if self.half_input else batch}
        for operation, finished in zip(self.operations, self.last_use, strict=True):
            _compute(operation, values, len(batch))
            for name in finished:
                del values[name]
        return {
            name: _pixels(values[name]) if name in self.gives_pictures else values[name]
            for name in self.output_names
        }


def _pixels(picture: Tensor) -> Tensor:
    """(N, 1, H, W) as a picture of 8 bits a pixel holds it, (N, H, W)."""
    return picture.squeeze(1).round().clip(0, 255)


def _operation(operation: Any) -> Operation:
    from coremltools.converters.mil.mil import types

    if operation.op_type not in OPERATORS:
        known = f"operator '{operation.op_type}' ({operation.outputs[0].name})"
        raise UnknownOperatorError(f"{known} is not one that the interpreter computes")
    arguments = {
        name: _argument(value) for name, value in operation.inputs.items() if value is not None
    }
    kinds = [types.builtin_to_string(output.dtype) for output in operation.outputs]
    return Operation(
        kind=operation.op_type,
        arguments=arguments,
        outputs=tuple(output.name for output in operation.outputs),
        shapes=tuple(tuple(int(size) for size in out.shape) for out in operation.outputs),
        half=kinds[0] == "fp16",
    )


def _argument(value: Any) -> Argument:
    if isinstance(value, list | tuple):
        return tuple(_argument(part) for part in value)
    # Values that coremltools itself can infer are only taken from constants of the file, so that
    # every other operator is computed here.
    if value.op is not None and value.op.op_type == "const":
        return value.val if isinstance(value.val, str) else np.asarray(value.val)
    return Reference(value.name)


def _compute(operation: Operation, values: dict[str, Tensor], batch: int) -> None:
    try:
        results = OPERATORS[operation.kind].function(Call(operation, values, batch))
    except NotImplementedError as error:
        raise UnknownOperatorError(
            f"operator '{operation.kind}' ({operation.outputs[0]}) has an option that the "
            f"interpreter does not compute: {error}"
        ) from error
    results = results if isinstance(results, tuple) else (results,)
    for name, result in zip(operation.outputs, results, strict=True):
        rounds = operation.half and result.is_floating_point()
        values[name] = _half(result) if rounds else result


def _half(value: Tensor) -> Tensor:
    """Rounded to float16, kept in float32 because torch's float16 kernels are slow on CPUs."""
    return value.half().float()


def _fold(operations: Sequence[Operation]) -> tuple[dict[str, Tensor], list[Operation]]:
    """Compute at once what depends on constants only: int8 weights become floats."""
    constants: dict[str, Tensor] = {}
    left = []
    for operation in operations:
        if all(name in constants for name in operation.references()):
            _compute(operation, constants, 1)
        else:
            left.append(operation)
    needed = {name for operation in left for name in operation.references()}
    kept = {name: value for name, value in constants.items() if name in needed}
    return kept, [_constant_tensors(operation, kept) for operation in left]


def _constant_tensors(operation: Operation, constants: dict[str, Tensor]) -> Operation:
    """Move large constants of the file to ``constants``, so that they are converted only once."""
    arguments = dict(operation.arguments)
    for name, argument in arguments.items():
        if isinstance(argument, np.ndarray) and argument.ndim and argument.dtype.kind == "f":
            key = f"{operation.outputs[0]}/{name}"
            constants[key] = constant_tensor(argument)
            arguments[name] = Reference(key)
    return replace(operation, arguments=arguments)


def _last_use(
    operations: Sequence[Operation], outputs: tuple[str, ...]
) -> tuple[tuple[str, ...], ...]:
    produced = {name for operation in operations for name in operation.outputs}
    seen = set(outputs)
    last: list[tuple[str, ...]] = []
    for operation in reversed(operations):
        names = dict.fromkeys([*operation.references(), *operation.outputs])
        last.append(tuple(name for name in names if name in produced and name not in seen))
        seen.update(names)
    return tuple(reversed(last))


def _batchable(operations: Sequence[Operation], given: str, shape: tuple[int, ...]) -> bool:
    if not shape or shape[0] != 1:
        return False
    ranks = {given: len(shape)}
    for operation in operations:
        mine: dict[str, int] = {}
        for name, argument in operation.arguments.items():
            parts = argument if isinstance(argument, tuple) else (argument,)
            references = [part.name for part in parts if isinstance(part, Reference)]
            dependent = [ranks[ref] for ref in references if ref in ranks]
            if dependent and len(dependent) != len(parts):
                return False
            if dependent:
                mine[name] = max(dependent)
        if not mine:
            continue
        if not OPERATORS[operation.kind].batchable(operation, mine):
            return False
        for name, output in zip(operation.outputs, operation.shapes, strict=True):
            if not output or output[0] != 1:
                return False
            ranks[name] = len(output)
    return True
