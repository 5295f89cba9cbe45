"""Records every kernel that one run of a TorchScript module calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from export.inspection.graph import Operation, Value

_DTYPES = {
    torch.qint8: "int8",
    torch.quint8: "uint8",
    torch.qint32: "int32",
}
# Operators that only hand out or describe storage.
_IGNORED = frozenset({"aten::detach", "aten::alias", "prim::device"})


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
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

    def weight_bytes(self) -> dict[str, int]:
        """Bytes of the module's constants by their stored type."""
        found: dict[str, int] = {}
        for tensor in [*self.packed, *self.constants()]:
            dtype = dtype_name(tensor)
            found[dtype] = found.get(dtype, 0) + tensor.numel() * tensor.element_size()
        return found

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
            self.values[name] = Value(dtype_name(tensor), tuple(tensor.shape), constant)
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


def dtype_name(tensor: Tensor) -> str:
    """The type of a tensor's values, quantized ones by what stores them."""
    return _DTYPES.get(tensor.dtype, str(tensor.dtype).removeprefix("torch."))
