"""What MIL's operators make of maps when they change their size, as functions of a call."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from runtime_bench.runtimes.mil_interpreter.call import Call
from runtime_bench.runtimes.mil_interpreter.operators.operator import Operator, always, only_x


def conv_transpose(call: Call) -> Tensor:
    """2-d transposed convolution, weight (in, out / groups, height, width)."""
    x, weight = call.tensor("x"), call.tensor("weight")
    kind = call.text("pad_type") if call.has("pad_type") else "valid"
    if kind not in ("valid", "custom"):
        raise NotImplementedError(f"pad_type {kind}")
    ones = [1] * (weight.ndim - 2)
    strides = call.ints("strides") if call.has("strides") else ones
    dilations = call.ints("dilations") if call.has("dilations") else ones
    pad = call.ints("pad") if kind == "custom" else [0] * (2 * len(ones))
    groups = call.integer("groups", 1)
    bias = call.optional("bias")
    whole = functional.conv_transpose2d(x, weight, bias, strides, groups=groups, dilation=dilations)
    sizes = call.operation.shapes[0][2:]
    # What lies beyond the full result is the bias alone.
    more = [max(0, low + size - have) for low, size, have in _ends(pad, sizes, whole)]
    if any(more):
        filled = whole.new_zeros(*whole.shape[:2], *_sum(whole.shape[2:], more))
        if bias is not None:
            filled += bias.reshape(1, -1, *ones)
        filled[:, :, : whole.shape[2], : whole.shape[3]] = whole
        whole = filled
    top, left = pad[0], pad[2]
    return whole[:, :, top : top + sizes[0], left : left + sizes[1]]


def _ends(pad: list[int], sizes: tuple[int, ...], whole: Tensor) -> list[tuple[int, int, int]]:
    return list(zip(pad[::2], sizes, whole.shape[2:], strict=True))


def _sum(first: torch.Size, second: list[int]) -> list[int]:
    return [a + b for a, b in zip(first, second, strict=True)]


def upsample_bilinear(call: Call) -> Tensor:
    """To the size of the result; ``align_corners`` as in torch, which it corresponds to."""
    return functional.interpolate(
        call.tensor("x"),
        list(call.operation.shapes[0][-2:]),
        mode="bilinear",
        align_corners=call.flag("align_corners", True),
    )


def resize_bilinear(call: Call) -> Tensor:
    """To a given size, in the two of its sampling modes that torch has."""
    mode = call.text("sampling_mode") if call.has("sampling_mode") else "DEFAULT"
    if mode not in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "UNALIGN_CORNERS"):
        raise NotImplementedError(f"sampling_mode {mode}")
    return functional.interpolate(
        call.tensor("x"),
        list(call.operation.shapes[0][-2:]),
        mode="bilinear",
        align_corners=mode != "UNALIGN_CORNERS",
    )


def upsample_nearest_neighbor(call: Call) -> Tensor:
    """Every element repeated, to the size of the result."""
    return functional.interpolate(call.tensor("x"), list(call.operation.shapes[0][-2:]))


def crop(call: Call) -> Tensor:
    """Without so many rows and columns at its beginnings and ends."""
    x = call.tensor("x")
    top, bottom = call.ints("crop_height")
    left, right = call.ints("crop_width")
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


RESAMPLING: dict[str, Operator] = {
    "conv_transpose": Operator(conv_transpose, only_x),
    "crop": Operator(crop, always),
    "pixel_shuffle": Operator(
        lambda call: functional.pixel_shuffle(call.tensor("x"), call.integer("upscale_factor")),
        always,
    ),
    "pixel_unshuffle": Operator(
        lambda call: functional.pixel_unshuffle(call.tensor("x"), call.integer("downscale_factor")),
        always,
    ),
    "resize_bilinear": Operator(resize_bilinear, always),
    "upsample_bilinear": Operator(upsample_bilinear, always),
    "upsample_nearest_neighbor": Operator(upsample_nearest_neighbor, always),
}
