"""LiteRT ``.tflite`` files in the ai-edge-litert interpreter with its XNNPACK delegate."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.stored_names import PROPERTIES_FILE
from runtime_bench.runtimes.base import FileRuntime, names_in_order, refuse
from runtime_bench.runtimes.ports import FloatArray, Grid, ImagePort, Size, decode, image_port
from runtime_bench.runtimes.session import ImageSession
from runtime_bench.runtimes.stored_texts import archived, texts_of

_UNNAMED = re.compile(r"output_\d+")
"""What litert-torch calls the outputs of a module."""


class LiteRT(FileRuntime):
    """The interpreter of ai-edge-litert; the XNNPACK delegate is on by default."""

    format = "litert"
    name = "LiteRT"
    modules = ("ai_edge_litert.interpreter",)
    package = "ai-edge-litert"

    def open(self, module: Any, path: Path, threads: int, size: Size | None) -> LiteRTSession:
        """Load a model; see :meth:`FileRuntime.open`."""
        try:
            interpreter = module.Interpreter(model_path=str(path), num_threads=threads)
            inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        except (RuntimeError, ValueError) as error:
            raise refuse(path, self.name, error) from error
        port = image_port(
            path,
            self.name,
            [np.dtype(tensor["dtype"]).name for tensor in inputs],
            [np.dtype(tensor["dtype"]).name for tensor in outputs],
            [int(size) for size in inputs[0]["shape_signature"]] if inputs else (),
            _grid(inputs[0]) if inputs else Grid(),
        ).of_size(path, size)
        try:
            if port.stored_shape is not None and -1 in inputs[0]["shape_signature"]:
                interpreter.resize_tensor_input(inputs[0]["index"], port.stored_shape)
            if port.stored_shape is not None:
                interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise refuse(path, self.name, error) from error
        return LiteRTSession(path, interpreter, port, threads)


class LiteRTSession(ImageSession):
    """A loaded model with its own thread pool."""

    def __init__(self, path: Path, interpreter: Any, port: ImagePort, threads: int) -> None:
        super().__init__(path, port, threads)
        self._interpreter = interpreter
        self._given = interpreter.get_input_details()[0]["index"]
        outputs = interpreter.get_output_details()
        self._returned = [int(tensor["index"]) for tensor in outputs]
        self._grids = [_grid(tensor) for tensor in outputs]
        self._names = _names(interpreter, self._returned)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The artefact's outputs, in order."""
        return self._names

    @property
    def properties(self) -> Mapping[str, str]:
        """Of a file of the archive behind the model."""
        return texts_of(archived(self.path, PROPERTIES_FILE))

    def infer(self, image: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """The outputs of one image, which is as the file takes it."""
        self._interpreter.set_tensor(self._given, image)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._returned]

    def decoded(self, outputs: Sequence[NDArray[np.generic]]) -> list[FloatArray]:
        """What ``infer`` gave as float32, integers by their grids."""
        return [decode(value, grid) for value, grid in zip(outputs, self._grids, strict=True)]


def _grid(tensor: Mapping[str, Any]) -> Grid:
    """The grid of a tensor that the interpreter describes."""
    told = tensor["quantization_parameters"]
    return Grid.told(told["scales"], told["zero_points"])


def _names(interpreter: Any, returned: list[int]) -> tuple[str, ...]:
    """The outputs' names in the file's signature; a single one that no exporter named is logits."""
    named: dict[int, str] = {}
    for key in list(interpreter.get_signature_list())[:1]:
        details = interpreter.get_signature_runner(key).get_output_details()
        named = {int(tensor["index"]): name for name, tensor in details.items()}
    names = [named.get(index, "") for index in returned]
    plain = any(not name or _UNNAMED.fullmatch(name) for name in names)
    return names_in_order("" if plain else "\n".join(names), len(names))
