"""Finer maps from the same weights: strides become dilation (the "atrous" rate of DeepLab)."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.input_spec import InputSpec

OutputStride = Literal[8, 16, 32]
Layer: TypeAlias = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d


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
        InputError: the network pools where a stride would have to go.
    """
    before = _heights(network, spec)
    rates: dict[Layer, int] = {}
    for layer, height in before.items():
        # Sizes that strides do not divide are rounded up or down.
        reduction = 2 ** round(math.log2(spec.height / height))
        kernel, stride = _pair(layer.kernel_size), _pair(layer.stride)
        rate = max(1, reduction // output_stride)
        too_coarse = max(stride) > 1 and reduction * max(stride) > output_stride
        if not too_coarse and (rate == 1 or kernel == (1, 1)):
            continue
        if not isinstance(layer, nn.Conv2d):
            raise InputError(_pools(name, reduction, output_stride))
        if too_coarse:
            kept = max(1, output_stride // reduction)
            layer.stride = (kept, kept)
        if not isinstance(layer.padding, str):
            layer.padding = (layer.padding[0] * rate, layer.padding[1] * rate)
        layer.dilation = (layer.dilation[0] * rate, layer.dilation[1] * rate)
        rates[layer] = rate

    after = _heights(network, spec)
    # Pools that are no modules halve what should be; padding that is reduced takes less.
    if any(2 * after[layer] <= rate * before[layer] for layer, rate in rates.items()):
        raise InputError(_pools(name, output_stride, output_stride))


def _heights(network: nn.Module, spec: InputSpec) -> dict[Layer, int]:
    """Convolutions and pools, and the height of what they are given."""
    found: dict[Layer, int] = {}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, Layer)
        found[layer] = inputs[0].shape[2]

    layers = [module for module in network.modules() if isinstance(module, Layer)]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        with torch.no_grad():
            network(torch.zeros(spec.shape))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _pools(name: str, reduction: int, output_stride: int) -> str:
    return (
        f"{name}: pools at stride {reduction}, so its output stride cannot be {output_stride}; "
        f"choose {2 * reduction}"
    )


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)
