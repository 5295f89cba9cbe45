"""Core ML ``.mlpackage`` folders, checked without Core ML: ``mil_interpreter`` computes them.

Core ML runs on Apple systems only. What is checked here is the artefact, not Apple's runtime:
accuracies are those of exact arithmetic on the saved program, durations mean nothing and are
refused by the benchmark (``timed`` is False).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from export.coremltools_import import without_other_sources
from runtime_bench.runtimes.base import (
    check_batch,
    check_threads,
    import_modules,
    package_version,
    refuse,
    stack_outputs,
)
from runtime_bench.runtimes.ports import FloatArray, Normalization, Size, image_port
from zoo.errors import InputError

if TYPE_CHECKING:  # torch takes two seconds to import, which other runtimes need not wait for
    from runtime_bench.runtimes.mil_interpreter import MilProgram

# Few enough that activations stay in the processor's cache.
BATCH = 8


class CoreMLInterpreter:
    """The MIL interpreter under torch."""

    format = "coreml"
    name = "MIL interpreter"
    modules = ("coremltools",)
    package = "coremltools"

    def version(self) -> str:
        """coremltools and torch, and that this is not Core ML."""
        tools = package_version(self.package)
        torch_version = package_version("torch")
        return f"MIL of {tools} interpreted in {torch_version}; checks the artefact, not Core ML"

    def load(self, path: Path, threads: int, size: Size | None = None) -> CoreMLSession:
        """Load a package; ``Runtime.load`` lists what is refused."""
        check_threads(threads)
        if not path.exists():
            raise InputError(f"{path}: no such artefact; check the path")
        if not (path / "Manifest.json").is_file():
            raise refuse(path, self.name, "it is not an .mlpackage folder with a Manifest.json")
        with without_other_sources():
            import_modules(self)
        from runtime_bench.runtimes.mil_interpreter import MilProgram, UnknownOperatorError

        try:
            program = MilProgram.load(path)
        except UnknownOperatorError as error:
            raise InputError(f"{path}: {error}; check this artefact on an Apple device") from error
        # coremltools, protobuf and its C++ reader raise errors of many unrelated classes.
        except Exception as error:
            raise refuse(path, self.name, error) from error
        port = image_port(path, self.name, ["float32"], ["float32"], program.input_shape)
        port = port.of_size(path, size)
        if port.shape is None or port.layout != "nchw":
            raise refuse(path, self.name, "it takes images of any size, or (1, height, width, 3)")
        return CoreMLSession(path, program, port.shape, threads)


class CoreMLSession:
    """A loaded package; images go through several at a time where the program allows."""

    def __init__(
        self, path: Path, program: MilProgram, shape: tuple[int, int, int, int], threads: int
    ) -> None:
        self._path = path
        self._program = program
        self.input_shape = self.stored_shape = shape
        self.output_names = program.output_names
        self.threads = threads

    @property
    def pixels(self) -> Normalization | None:
        """Pixels go in as they are where the package takes a picture."""
        return Normalization(0.0, 1 / 255) if self._program.takes_pictures else None

    @property
    def properties(self) -> Mapping[str, str]:
        """Of the package's metadata."""
        return self._program.properties

    def prepared(self, image: FloatArray) -> Callable[[], object]:
        """What runs the artefact once on an image, float32 (1, 3, height, width)."""
        return lambda: self.run(image)

    def run(self, batch: FloatArray) -> dict[str, FloatArray]:
        """Outputs float32 (N, ...) by name of a float32 (N, 3, height, width) batch."""
        import torch

        from runtime_bench.runtimes.mil_interpreter import UnknownOperatorError

        check_batch(batch, self.input_shape)
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        given = np.rint(batch).clip(0, 255) if self._program.takes_pictures else batch
        images = torch.from_numpy(np.ascontiguousarray(given))
        size = BATCH if self._program.batchable else 1
        rows = []
        with torch.inference_mode():
            for start in range(0, len(images), size):
                try:
                    made = self._program.run(images[start : start + size])
                    rows.append([made[name].numpy() for name in self.output_names])
                except UnknownOperatorError as error:
                    raise InputError(
                        f"{self._path}: {error}; check this artefact on an Apple device"
                    ) from error
        return stack_outputs(self.output_names, rows)
