"""ExecuTorch ``.pte`` files through the runtime of the executorch wheel (XNNPACK included)."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.executorch_format import IDENTIFIERS, SCALAR_TYPES
from export.stored_names import METADATA, OUTPUT_NAMES
from runtime_bench.runtimes.base import FileRuntime, names_in_order, refuse
from runtime_bench.runtimes.ports import ImagePort, Size, image_port
from runtime_bench.runtimes.session import ImageSession
from runtime_bench.runtimes.stored_texts import texts_of
from zoo.errors import InputError

_live_sessions: weakref.WeakSet[ExecuTorchSession] = weakref.WeakSet()


class ExecuTorch(FileRuntime):
    """The runtime of the executorch wheel.

    A process has one thread pool, and a delegate keeps the pool it was loaded with: the count can
    only change while no session lives.
    """

    format = "executorch"
    name = "ExecuTorch"
    # The bindings alone, which need torch's libraries: the module that the documentation names,
    # portable_lib, repeats them and imports the whole exporter, which takes seconds.
    modules = ("torch", "executorch.extension.pybindings._C")
    package = "executorch"

    def open(self, module: Any, path: Path, threads: int, size: Size | None) -> ExecuTorchSession:
        """Load a program; see :meth:`FileRuntime.open`."""
        with path.open("rb") as stream:
            identifier = stream.read(8)[4:]
        # Here, since the wheel ends the whole process where they are not even text.
        if identifier not in IDENTIFIERS:
            raise refuse(path, self.name, "it is no ExecuTorch program")
        _set_threads(module, path, threads)
        try:
            program = module._load_program(str(path))
            # Loading the method, not the program, is what sets up the delegates.
            method = program.load_method("forward")
            meta = method.method_meta()
            inputs = [meta.input_tensor_meta(i) for i in range(meta.num_inputs())]
            outputs = [meta.output_tensor_meta(i) for i in range(meta.num_outputs())]
        except RuntimeError as error:
            raise refuse(path, self.name, error) from error
        shape = list(inputs[0].sizes()) if inputs else []
        # The sizes are the largest that the program takes; a batch of one is among them.
        port = image_port(
            path,
            self.name,
            [SCALAR_TYPES.get(tensor.dtype(), "another type") for tensor in inputs],
            [SCALAR_TYPES.get(tensor.dtype(), "another type") for tensor in outputs],
            [1, *shape[1:]] if shape else (),
        ).of_size(path, size)
        names = names_in_order(_stored_text(program, OUTPUT_NAMES), len(outputs))
        session = ExecuTorchSession(path, program, method, port, names, threads)
        _live_sessions.add(session)
        return session


class ExecuTorchSession(ImageSession):
    """A loaded program; dropping the last reference to it lets the thread count change again."""

    def __init__(
        self,
        path: Path,
        program: Any,
        method: Any,
        port: ImagePort,
        names: tuple[str, ...],
        threads: int,
    ) -> None:
        import torch

        super().__init__(path, port, threads)
        self._tensor_of = torch.from_numpy
        # The method uses the program's memory.
        self._program = program
        self._method = method
        self._names = names

    @property
    def output_names(self) -> tuple[str, ...]:
        """The artefact's outputs, in order."""
        return self._names

    @property
    def properties(self) -> Mapping[str, str]:
        """Of a method of the program."""
        return texts_of(_stored_text(self._program, METADATA))

    def infer(self, image: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """The outputs of one image, which is as the file takes it."""
        return [value.numpy() for value in self._method.call([self._tensor_of(image)])]


def _stored_text(program: Any, name: str) -> str:
    """The text that a method of the program returns; empty where there is none."""
    methods = [program.get_method_name(index) for index in range(program.num_methods())]
    if name not in methods:
        return ""
    (stored,) = program.load_method(name).call([])
    return bytes(stored.numpy()).decode(errors="replace")


def _set_threads(bindings: Any, path: Path, threads: int) -> None:
    if bindings._threadpool_get_thread_count() == threads:
        return
    others = {session.threads for session in _live_sessions}
    if others:
        raise InputError(
            f"{path}: ExecuTorch has one thread pool a process, in use with {others.pop()} "
            f"thread(s); drop those sessions before loading with {threads}, or use a new process"
        )
    bindings._unsafe_reset_threadpool(threads)
