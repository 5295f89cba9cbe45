"""TorchScript ``.pt`` files in libtorch; int8 through QNNPACK, the engine of its ARM builds."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.stored_names import INPUT_SHAPE, OUTPUT_NAMES
from export.torchscript_code import refuse_unsafe_code
from runtime_bench.runtimes.base import (
    FileRuntime,
    FloatArray,
    check_batch,
    check_borders,
    image_shape,
    names_in_order,
    package_version,
    refuse,
    stack_outputs,
)
from zoo.errors import InputError
from zoo.packages import requirement_of

if TYPE_CHECKING:  # two seconds to import, which other runtimes need not wait for
    import torch

ENGINE = "qnnpack"


class TorchScript(FileRuntime):
    """libtorch's interpreter."""

    format = "torchscript"
    name = "TorchScript"
    modules = ("torch",)
    package = "torch"

    def version(self) -> str:
        """torch's version and the quantized engine."""
        return f"{package_version(self.package)} ({ENGINE})"

    def open(self, module: Any, path: Path, threads: int) -> TorchScriptSession:
        """Load a module; see :meth:`FileRuntime.open`.

        Loading TorchScript runs code of the file, so that is looked through first; a state dict or
        a pickled module is refused unread.
        """
        torch = module
        if not zipfile.is_zipfile(path):
            raise refuse(path, self.name, "it is truncated, or no TorchScript archive")
        with zipfile.ZipFile(path) as archive:
            if not any("/code/" in name for name in archive.namelist()):
                raise refuse(path, self.name, "it holds weights or a pickle, not TorchScript")
        refuse_unsafe_code(path)
        if ENGINE not in torch.backends.quantized.supported_engines:
            wanted = requirement_of(self.package)
            raise InputError(f"this torch has no {ENGINE} engine; pip install '{wanted}'")
        torch.backends.quantized.engine = ENGINE
        extra: dict[str, str | bytes] = {INPUT_SHAPE: "", OUTPUT_NAMES: ""}
        try:
            loaded = torch.jit.load(str(path), map_location="cpu", _extra_files=extra).eval()
        except (RuntimeError, ValueError) as error:
            raise refuse(path, self.name, error) from error
        text, names = (_text(extra[key]) for key in (INPUT_SHAPE, OUTPUT_NAMES))
        shape = None
        if text:
            sizes = (int(size) if size.strip().isdecimal() else size for size in text.split(","))
            shape = image_shape(path, self.name, tuple(sizes))
        return TorchScriptSession(path, loaded, shape, names, threads)


class TorchScriptSession:
    """A loaded module.

    torch has one thread count a process, so every run sets its own (a no-op when it is the same).
    """

    def __init__(
        self,
        path: Path,
        module: torch.jit.ScriptModule,
        shape: tuple[int, int, int, int] | None,
        names: str,
        threads: int,
    ) -> None:
        import torch

        self._torch = torch
        self._path = path
        self._module = module
        self._shape, self._names = shape, names
        self._count: int | None = None
        self.threads = threads

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """(1, 3, height, width); raises InputError where the file does not record it."""
        if self._shape is None:
            raise InputError(
                f"{self._path}: records no input size, as TorchScript made elsewhere; "
                "give it with --input-size, or export the network with fbdeploy"
            )
        return self._shape

    def run(self, batch: FloatArray) -> dict[str, FloatArray]:
        """Outputs float32 (N, ...) by name of a float32 (N, 3, height, width) batch."""
        torch = self._torch
        check_batch(batch, self._shape or (1, *batch.shape[1:]))
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        torch.backends.quantized.engine = ENGINE
        images = torch.from_numpy(np.ascontiguousarray(batch))
        with torch.inference_mode():
            rows = [self._outputs(images[i : i + 1]) for i in range(len(batch))]
        return stack_outputs(self.output_names, rows)

    @property
    def output_names(self) -> tuple[str, ...]:
        """In order; how many there are is known from one run."""
        if self._count is None:
            shape = self.input_shape
            self._count = len(self._outputs(self._torch.zeros(shape)))
        return names_in_order(self._names, self._count)

    def _outputs(self, image: torch.Tensor) -> list[FloatArray]:
        """What the module returns for one image; InputError where that is no float32 tensors."""
        torch = self._torch
        with torch.inference_mode():
            returned = self._module(image)
        found = list(returned) if isinstance(returned, (list, tuple)) else [returned]
        kinds = [
            str(value.dtype).removeprefix("torch.")
            if isinstance(value, torch.Tensor)
            else type(value).__name__
            for value in found
        ]
        check_borders(self._path, TorchScript.name, ["float32"], kinds)
        self._count = len(found)
        return [value.numpy() for value in found]


def _text(stored: str | bytes) -> str:
    return stored.decode(errors="replace") if isinstance(stored, bytes) else stored
