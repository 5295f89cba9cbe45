"""Between numbers and whole numbers, which are held as float32 tensors: exact, and faster than
integers."""

from __future__ import annotations

import torch
from torch import Tensor

from runtime_bench.runtimes.mil_interpreter.call import Call
from runtime_bench.runtimes.mil_interpreter.operators.operator import (
    Operator,
    always,
    never,
    only_input,
)

INTEGER_RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int4": (-8, 7), "uint4": (0, 15)}


def quantize(call: Call) -> Tensor:
    """Whole numbers: round half to even of input / scale, plus zero point, clamped to the type."""
    x = call.tensor("input")
    low, high = INTEGER_RANGES[call.text("output_dtype")]
    scale, zero_point = _affine(call, x, "input")
    return (x / scale).round_().add_(zero_point).clamp_(low, high)


def dequantize(call: Call) -> Tensor:
    """(input - zero point) * scale."""
    x = call.tensor("input").to(torch.float32)
    scale, zero_point = _affine(call, x, "input")
    return (x - zero_point) * scale


def quantize_dequantize(call: Call) -> Tensor:
    """A quantize whose output is only ever dequantized again, per tensor, in one pass.

    Not an operator of MIL: ``program`` puts it there. torch multiplies by the reciprocal of the
    scale, so a value half a unit in the last place from a tie may round the other way.
    """
    low, high = INTEGER_RANGES[call.text("output_dtype")]
    zero_point = call.integer("zero_point", 0)
    return torch.fake_quantize_per_tensor_affine(
        call.tensor("input"), call.number("scale"), zero_point, low, high
    )


def constexpr_affine_dequantize(call: Call) -> Tensor:
    """(quantized_data - zero_point) * scale along ``axis``."""
    data = call.tensor("quantized_data").to(torch.float32)
    scale, zero_point = _affine(call, data, "quantized_data")
    return (data - zero_point) * scale


def constexpr_blockwise_shift_scale(call: Call) -> Tensor:
    """(data - offset) * scale, both repeated over blocks of every axis."""
    data = call.tensor("data").to(torch.float32)
    scale = _repeated(call.tensor("scale").to(torch.float32), data)
    if not call.has("offset"):
        return data * scale
    return (data - _repeated(call.tensor("offset").to(torch.float32), data)) * scale


_TYPES = {
    "fp16": torch.float32,
    "fp32": torch.float32,
    "int32": torch.int32,
    "int16": torch.int16,
    "uint16": torch.int32,  # of which torch's kernels take few; places never wrap around
    "bool": torch.bool,
}


def cast(call: Call) -> Tensor:
    """To another type, integers towards zero: ``program`` rounds what comes out as float16."""
    kind = call.text("dtype")
    if kind not in _TYPES:
        raise NotImplementedError(f"to {kind}")
    return call.tensor("x").to(_TYPES[kind])


def constexpr_cast(call: Call) -> Tensor:
    """The stored float16 values as float32."""
    return call.tensor("source_val").to(torch.float32)


def _affine(call: Call, data: Tensor, name: str) -> tuple[Tensor, Tensor]:
    scale = call.tensor("scale").to(torch.float32)
    zero_point = torch.zeros(())
    if call.has("zero_point"):
        zero_point = call.tensor("zero_point").to(torch.float32)
    shape = [1] * data.ndim
    if scale.ndim and call.has("axis"):
        shape[call.integer("axis")] = -1
        scale = scale.reshape(shape)
        zero_point = zero_point.reshape(shape) if zero_point.ndim else zero_point
    return scale, zero_point


def _repeated(small: Tensor, data: Tensor) -> Tensor:
    for axis, (count, size) in enumerate(zip(small.shape, data.shape, strict=True)):
        if count not in (1, size):
            small = small.repeat_interleave(size // count, dim=axis)
    return small


QUANTIZATION: dict[str, Operator] = {
    "cast": Operator(cast, always),
    "constexpr_affine_dequantize": Operator(constexpr_affine_dequantize, never),
    "constexpr_blockwise_shift_scale": Operator(constexpr_blockwise_shift_scale, never),
    "constexpr_cast": Operator(constexpr_cast, never),
    "dequantize": Operator(dequantize, only_input),
    "quantize": Operator(quantize, only_input),
    "quantize_dequantize": Operator(quantize_dequantize, only_input),
}
