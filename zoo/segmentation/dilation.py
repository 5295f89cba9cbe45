"""Finer maps from the same weights: strides become dilation (the "atrous" rate of DeepLab)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.input_spec import InputSpec

OutputStride = Literal[8, 16, 32]
_Pools = (nn.MaxPool2d, nn.AvgPool2d)


def dilate(name: str, network: nn.Module, spec: InputSpec, output_stride: OutputStride) -> None:
    """Change ``network`` in place, so that no map is coarser than the input by more than that.

    A strided convolution beyond ``output_stride`` keeps its taps and gives every value instead of
    every second one; those behind it spread their taps by as much. Where nothing pools globally,
    the new map holds the old one's values at every second (or fourth) place (Chen et al.,
    "Rethinking atrous convolution", arXiv:1706.05587, section 3.1).

    Args:
        name: of the network, for errors.
        network: in evaluation mode.
        spec: its input.
        output_stride: pixels of the input a place of the coarsest map stands for.

    Raises:
        InputError: a pool lies where a stride would have to go.
    """
    for layer, reduction in _reductions(network, spec):
        kernel, stride = _pair(layer.kernel_size), _pair(layer.stride)
        rate = max(1, reduction // output_stride)
        too_coarse = max(stride) > 1 and reduction * max(stride) > output_stride
        if not too_coarse and (rate == 1 or kernel == (1, 1)):
            continue
        if not isinstance(layer, nn.Conv2d):
            raise InputError(
                f"{name}: pools at stride {reduction}, so its output stride cannot be "
                f"{output_stride}; choose {reduction * max(stride)}"
            )
        if too_coarse:
            layer.stride = (1, 1)
        if not isinstance(layer.padding, str):
            layer.padding = (layer.padding[0] * rate, layer.padding[1] * rate)
        layer.dilation = (layer.dilation[0] * rate, layer.dilation[1] * rate)


def _reductions(
    network: nn.Module, spec: InputSpec
) -> list[tuple[nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d, int]]:
    """Convolutions and pools, and by how much what they are given is coarser than the input."""
    found = []
    for layer, height in _heights(network, spec):
        # Sizes that strides do not divide are rounded up or down.
        found.append((layer, 2 ** round(math.log2(spec.height / height))))
    return found


def _heights(
    network: nn.Module, spec: InputSpec
) -> list[tuple[nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d, int]]:
    seen: list[tuple[nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d, int]] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, (nn.Conv2d, *_Pools))
        seen.append((layer, inputs[0].shape[2]))

    with _hooked(network, note), torch.no_grad():
        network(torch.zeros(spec.shape))
    return seen


@contextmanager
def _hooked(network: nn.Module, note: object) -> Iterator[None]:
    layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, *_Pools))]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]  # type: ignore[arg-type]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)
