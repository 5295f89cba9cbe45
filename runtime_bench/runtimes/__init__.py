"""The runtimes by format: adding one is one new file and one line of ``RUNTIMES``."""

from __future__ import annotations

from pathlib import Path

from export.format_info import format_of, known_suffixes
from runtime_bench.runtimes.base import Runtime, Session
from runtime_bench.runtimes.coreml import CoreMLInterpreter
from runtime_bench.runtimes.executorch import ExecuTorch
from runtime_bench.runtimes.litert import LiteRT
from runtime_bench.runtimes.onnx import OnnxRuntime
from runtime_bench.runtimes.torchscript import TorchScript
from zoo.errors import InputError

RUNTIMES: dict[str, Runtime] = {
    "executorch": ExecuTorch(),
    "torchscript": TorchScript(),
    "onnx": OnnxRuntime(),
    "coreml": CoreMLInterpreter(),
    "litert": LiteRT(),
}


def runtime_of(path: Path) -> Runtime:
    """The runtime that an artefact's suffix asks for.

    Raises:
        InputError: no runtime has this suffix.
    """
    info = format_of(path)
    if info is None:
        raise InputError(
            f"{path}: its suffix is of no artefact format; give one of {known_suffixes()}"
        )
    return RUNTIMES[info.name]


__all__ = ["RUNTIMES", "Runtime", "Session", "runtime_of"]
