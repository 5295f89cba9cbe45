"""TorchScript ``.pt``: the kernels that one run on zeros calls."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from export.inspection.base import corrupt_file, refuse
from export.inspection.graph import Graph, Operation, Reading, Value
from export.inspection.inspection import IslandKind, Port

_ENGINE = "qnnpack"
#: Extra file that holds the shape TorchScript itself does not keep: "1,3,128,128".
INPUT_SHAPE = "input_shape"
#: What is assumed where it is absent: ImageNet's usual input.
_ASSUMED = (1, 3, 224, 224)
_DTYPES = {
    torch.qint8: "int8",
    torch.quint8: "uint8",
    torch.qint32: "int32",
}
# Operators that only hand out or describe storage.
_IGNORED = frozenset({"aten::detach", "aten::alias", "prim::device"})


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
        before = torch.backends.quantized.engine
        recorder = _Recorder()
        try:
            with corrupt_file(path, "TorchScript module"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.backends.quantized.engine = _ENGINE
                module, recorded = _load(path)
                image = torch.zeros(recorded or _ASSUMED)
                recorder.input(image)
                with torch.no_grad(), recorder:
                    result = module(image)
                if not isinstance(result, Tensor):
                    raise refuse(path, "TorchScript module", "it returns no single tensor")
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
            inputs=(Port("input 0", given, "float32"),),
            outputs=(Port("output 0", tuple(result.shape), _dtype(result)),),
            weight_bytes=_weight_bytes(recorder),
            explain=_explain,
            notes=notes,
        )


def _load(path: Path) -> tuple[Any, tuple[int, ...] | None]:
    extra: dict[str, Any] = {INPUT_SHAPE: ""}
    module = torch.jit.load(  # type: ignore[no-untyped-call]
        str(path), map_location="cpu", _extra_files=extra
    ).eval()
    held = extra[INPUT_SHAPE]
    text = held.decode() if isinstance(held, bytes) else held
    return module, tuple(int(size) for size in text.split(",")) if text else None


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records what reaches ATen; tensors are kept, since their identity names the values."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.values: dict[str, Value] = {}
        self.operations: list[Operation] = []
        #: Weights and biases of quantized layers, unpacked.
        self.packed: list[Tensor] = []
        self._kept: dict[int, Tensor] = {}

    def input(self, image: Tensor) -> None:
        """Name the network's input."""
        self._name(image, constant=False)

    def constants(self) -> list[Tensor]:
        """Tensors that came with the module."""
        return [t for t in self._kept.values() if self.values[str(id(t))].constant]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.name().partition(".")[0]
        if name in _IGNORED:
            return result
        given = _tensors([*args, *(kwargs or {}).values()])
        read = [self._name(tensor, constant=True) for tensor in given]
        written = [self._name(tensor, constant=False) for tensor in _tensors([result])]
        weights = [weight for entry in args for weight in self._unpack(entry)]
        if not weights and name.startswith("aten::"):
            weights = _tensors(args[1:2])
        self.operations.append(
            Operation(
                operator=name,
                name=f"{len(self.operations)}:{name}",
                inputs=tuple(read),
                outputs=tuple(written),
                macs=_macs(name, args, weights, result),
            )
        )
        return result

    def _name(self, tensor: Tensor, *, constant: bool) -> str:
        name = str(id(tensor))
        if id(tensor) not in self._kept:
            # What no kernel wrote and is not the input came with the module.
            self._kept[id(tensor)] = tensor
            self.values[name] = Value(_dtype(tensor), tuple(tensor.shape), constant)
        return name

    def _unpack(self, entry: Any) -> list[Tensor]:
        """The weight and bias in a packed parameter of a quantized layer."""
        if not isinstance(entry, torch.ScriptObject):
            return []
        ops = torch.ops.quantized
        unpack = {"Conv2d": ops.conv2d_unpack, "Linear": ops.linear_unpack}
        kind = str(entry._type()).rpartition(".")[2]
        reader = next((call for start, call in unpack.items() if kind.startswith(start)), None)
        found = [] if reader is None else [held for held in reader(entry) if held is not None]
        self.packed += found
        return found


def _tensors(entries: Any) -> list[Tensor]:
    found: list[Tensor] = []
    for entry in entries:
        if isinstance(entry, Tensor):
            found.append(entry)
        elif isinstance(entry, (list, tuple)):
            found += _tensors(entry)
    return found


def _macs(name: str, args: Any, weights: Sequence[Tensor], result: Any) -> int:
    operator = name.partition("::")[2]
    if not isinstance(result, Tensor):
        return 0
    if "conv" in operator and "prepack" not in operator and weights:
        weight = weights[0]
        if "transpose" in operator or (operator == "convolution" and args[6]):
            return int(args[0].numel() * weight[0].numel())
        return int(result.numel() * weight[0].numel())
    if operator.startswith("linear") and weights:
        return int(result.numel() * weights[0].shape[-1])
    if operator in ("mm", "bmm", "matmul"):
        return int(result.numel() * args[0].shape[-1])
    if operator == "addmm":
        return int(result.numel() * args[1].shape[-1])
    return 0


def _dtype(tensor: Tensor) -> str:
    return _DTYPES.get(tensor.dtype, str(tensor.dtype).removeprefix("torch."))


def _weight_bytes(recorder: _Recorder) -> dict[str, int]:
    found: dict[str, int] = {}
    for tensor in [*recorder.packed, *recorder.constants()]:
        dtype = _dtype(tensor)
        found[dtype] = found.get(dtype, 0) + tensor.numel() * tensor.element_size()
    return found


def _explain(members: Sequence[Operation], kind: IslandKind) -> str:
    names = ", ".join(dict.fromkeys(operation.operator for operation in members))
    return f"the export calls {names} on floats: no quantized kernel was used"
