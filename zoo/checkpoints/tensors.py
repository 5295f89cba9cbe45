"""Whether stored tensors are weights at all."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.checkpoints.layouts import COUNTER
from zoo.checkpoints.unwrapping import State


def why_unusable(tensor: Tensor, target: Tensor | None, name: str) -> str | None:
    """What keeps a stored tensor from being the module's ``target`` of that name; None: nothing.

    Shapes are not looked at; a tensor without target is only looked at by itself.
    """
    if tensor.is_quantized:
        return "quantized"
    if tensor.is_nested or tensor.layout is not torch.strided:
        return "sparse or nested"
    if tensor.is_meta:
        return "without data (meta)"
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return "larger than what is stored of it"
    if target is None or name.endswith(COUNTER):
        return None
    floats = tensor.dtype.is_floating_point
    if floats != target.dtype.is_floating_point or tensor.dtype.is_complex:
        return f"{dtype_name(tensor)} for {dtype_name(target)}"
    return None


def not_finite(state: State) -> str | None:
    """A tensor with NaN or infinity; masks may hold infinities, NaN nothing may."""
    for name, tensor in state.items():
        if not tensor.dtype.is_floating_point:
            continue
        values = plain(tensor)
        learned = name.endswith(("weight", "bias", "running_mean", "running_var"))
        if bool((~values.isfinite() if learned else values.isnan()).any()):
            return name
    return None


def equal(first: State, second: State) -> bool:
    """Whether two states hold the same values under the same names."""
    return first.keys() == second.keys() and all(
        torch.equal(plain(tensor), plain(second[name])) for name, tensor in first.items()
    )


def plain(tensor: Tensor) -> Tensor:
    """Floats that torch has few operators for (8 and 16 bits) as float32."""
    return tensor.float() if tensor.dtype.is_floating_point else tensor


def dtype_name(tensor: Tensor) -> str:
    """``float16`` and so on."""
    return str(tensor.dtype).removeprefix("torch.")
