"""TorchScript ``.pt`` files in libtorch; int8 through QNNPACK, the engine of its ARM builds."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.stored_names import INPUT_SHAPE, METADATA_FILE, OUTPUT_NAMES
from export.torchscript_code import refuse_unsafe_code
from runtime_bench.runtimes.base import (
    FileRuntime,
    names_in_order,
    package_version,
    refuse,
)
from runtime_bench.runtimes.ports import ImagePort, Size, check_types, image_port
from runtime_bench.runtimes.session import ImageSession
from runtime_bench.runtimes.stored_texts import archived, texts_of
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

    def open(self, module: Any, path: Path, threads: int, size: Size | None) -> TorchScriptSession:
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
        port = ImagePort(None, None)
        if text:
            sizes = [int(size) if size.strip().isdecimal() else size for size in text.split(",")]
            port = image_port(path, self.name, ["float32"], ["float32"], sizes)
        return TorchScriptSession(path, loaded, port.of_size(path, size), names, threads)


class TorchScriptSession(ImageSession):
    """A loaded module.

    torch has one thread count a process, so every run sets its own (a no-op when it is the same).
    """

    def __init__(
        self,
        path: Path,
        module: torch.jit.ScriptModule,
        port: ImagePort,
        names: str,
        threads: int,
    ) -> None:
        import torch

        super().__init__(path, port, threads)
        self._torch = torch
        self._module = module
        self._names = names
        self._count: int | None = None

    @property
    def output_names(self) -> tuple[str, ...]:
        """In order; how many there are is known from one run."""
        if self._count is None:
            self.infer(np.zeros(self.input_shape, np.float32))
        assert self._count is not None
        return names_in_order(self._names, self._count)

    @property
    def properties(self) -> Mapping[str, str]:
        """Of an extra file of the archive."""
        return texts_of(archived(self.path, f"/extra/{METADATA_FILE}"))

    def infer(self, image: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """What the module returns for one image; InputError where that is no tensors of numbers."""
        torch = self._torch
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        torch.backends.quantized.engine = ENGINE
        with torch.inference_mode():
            returned = self._module(torch.from_numpy(image))
        found = _parts(returned)
        kinds = [
            str(value.dtype).removeprefix("torch.")
            if isinstance(value, torch.Tensor)
            else type(value).__name__
            for value in found
        ]
        check_types(self.path, TorchScript.name, ["float32"], kinds)
        self._count = len(found)
        return [value.numpy() for value in found]


def _parts(returned: Any) -> list[Any]:
    if isinstance(returned, dict):
        return list(returned.values())
    return list(returned) if isinstance(returned, (list, tuple)) else [returned]


def _text(stored: str | bytes) -> str:
    return stored.decode(errors="replace") if isinstance(stored, bytes) else stored
