"""TorchScript ``.pt``: the kernels that one run on zeros calls."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export.coverage import IslandKind
from export.inspection.base import corrupt_file, refuse
from export.inspection.graph import Graph, Operation, Reading
from export.inspection.inspection import Port
from export.stored_names import INPUT_SHAPE
from export.torchscript_code import refuse_unsafe_code

_ENGINE = "qnnpack"
#: What is assumed where it is absent: ImageNet's usual input.
_ASSUMED = (1, 3, 224, 224)


class TorchScriptReader:
    """Runs the module once and records every kernel with its tensors."""

    format = "torchscript"

    def recognizes(self, path: Path) -> bool:
        """Whether the file is an archive with code; state dicts and pickles have none."""
        if not path.is_file() or not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())

    def read(self, path: Path) -> Reading:
        """Read a module; see :class:`export.inspection.base.Reader`."""
        import torch

        from export.inspection.torchscript_recorder import Recorder, dtype_name

        before = torch.backends.quantized.engine
        recorder = Recorder()
        try:
            with corrupt_file(path, "TorchScript module"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.backends.quantized.engine = _ENGINE
                refuse_unsafe_code(path)
                module, recorded = _load(path)
                image = torch.zeros(recorded or _ASSUMED)
                recorder.input(image)
                with torch.no_grad(), recorder:
                    result = module(image)
                results = list(result) if isinstance(result, (list, tuple)) else [result]
                if not results or not all(isinstance(one, torch.Tensor) for one in results):
                    raise refuse(path, "TorchScript module", "it returns no tensors")
        finally:
            torch.backends.quantized.engine = before
        notes: tuple[str, ...] = (
            f"kernels are those of torch {torch.__version__} with the {_ENGINE} engine",
        )
        if recorded is None:
            size = "x".join(str(number) for number in _ASSUMED)
            notes += (f"the file records no input size; everything is counted for {size}",)
        given = tuple(image.shape)
        return Reading(
            format=self.format,
            graph=Graph(recorder.values, tuple(recorder.operations)),
            inputs=(Port(name="input 0", shape=given, dtype="float32"),),
            outputs=tuple(
                Port(name=f"output {index}", shape=tuple(one.shape), dtype=dtype_name(one))
                for index, one in enumerate(results)
            ),
            weight_bytes=recorder.weight_bytes(),
            explain=_explain,
            notes=notes,
        )


def _load(path: Path) -> tuple[Any, tuple[int, ...] | None]:
    import torch

    extra: dict[str, Any] = {INPUT_SHAPE: ""}
    module = torch.jit.load(  # type: ignore[no-untyped-call]
        str(path), map_location="cpu", _extra_files=extra
    ).eval()
    held = extra[INPUT_SHAPE]
    text = held.decode() if isinstance(held, bytes) else held
    return module, tuple(int(size) for size in text.split(",")) if text else None


def _explain(members: Sequence[Operation], kind: IslandKind) -> str:
    names = ", ".join(dict.fromkeys(operation.operator for operation in members))
    return f"the export calls {names} on floats: no quantized kernel was used"
