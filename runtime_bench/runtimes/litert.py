"""LiteRT ``.tflite`` files in the ai-edge-litert interpreter with its XNNPACK delegate."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from runtime_bench.runtimes.base import (
    FileRuntime,
    FloatArray,
    check_batch,
    image_input,
    names_in_order,
    refuse,
    stack_outputs,
)

_UNNAMED = re.compile(r"output_\d+")
"""What litert-torch calls the outputs of a module."""


class LiteRT(FileRuntime):
    """The interpreter of ai-edge-litert; the XNNPACK delegate is on by default."""

    format = "litert"
    name = "LiteRT"
    modules = ("ai_edge_litert.interpreter",)
    package = "ai-edge-litert"

    def open(self, module: Any, path: Path, threads: int) -> LiteRTSession:
        """Load a model; see :meth:`FileRuntime.open`."""
        try:
            interpreter = module.Interpreter(model_path=str(path), num_threads=threads)
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise refuse(path, self.name, error) from error
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        shape = image_input(
            path,
            self.name,
            [np.dtype(tensor["dtype"]).name for tensor in inputs],
            [np.dtype(tensor["dtype"]).name for tensor in outputs],
            tuple(int(size) for size in inputs[0]["shape_signature"]) if inputs else (),
        )
        returned = [int(tensor["index"]) for tensor in outputs]
        return LiteRTSession(interpreter, inputs[0]["index"], returned, shape, threads)


class LiteRTSession:
    """A loaded model with its own thread pool."""

    def __init__(
        self,
        interpreter: Any,
        given: int,
        returned: list[int],
        shape: tuple[int, int, int, int],
        threads: int,
    ) -> None:
        self._interpreter = interpreter
        self._given = given
        self._returned = returned
        self.input_shape = shape
        self.output_names = _names(interpreter, returned)
        self.threads = threads

    def run(self, batch: FloatArray) -> dict[str, FloatArray]:
        """Outputs float32 (N, ...) by name of a float32 (N, 3, height, width) batch."""
        check_batch(batch, self.input_shape)
        images = np.ascontiguousarray(batch)
        rows = []
        for index in range(len(batch)):
            self._interpreter.set_tensor(self._given, images[index : index + 1])
            self._interpreter.invoke()
            rows.append([self._interpreter.get_tensor(index) for index in self._returned])
        return stack_outputs(self.output_names, rows)


def _names(interpreter: Any, returned: list[int]) -> tuple[str, ...]:
    """The outputs' names in the file's signature; a single one that no exporter named is logits."""
    named: dict[int, str] = {}
    for key in list(interpreter.get_signature_list())[:1]:
        details = interpreter.get_signature_runner(key).get_output_details()
        named = {int(tensor["index"]): name for name, tensor in details.items()}
    names = [named.get(index, "") for index in returned]
    plain = any(not name or _UNNAMED.fullmatch(name) for name in names)
    return names_in_order("" if plain else "\n".join(names), len(names))
