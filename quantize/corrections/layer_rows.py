"""What a layer reads and makes, as the rows of a system of equations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.fx import Node

from quantize.graph.passes.surgery import argument, aten, is_call

#: Rows of the equations for each of their unknowns, and at least: neighbouring positions of an
#: image are alike. Three times as many change EfficientNet-Lite0's logits by 0.1 dB.
ROWS = 8
FEWEST_ROWS = 1024


@dataclass(frozen=True)
class LayerRows:
    """What a layer reads, (groups, rows, k), and makes in float, (groups, rows, out); the image of
    each row, (rows,)."""

    inputs: Tensor
    outputs: Tensor
    images: Tensor


def layer_rows(node: Node, weight: Tensor, read: Tensor, exact: Tensor) -> LayerRows:
    """Rows of the convolution or linear layer at ``node``, at positions drawn in each image.

    ``read`` (N, ...) is what the layer reads, ``exact`` (N, ...) what it makes of its float input.
    """
    images, size = len(read), weight[0].numel()
    wanted = math.ceil(max(FEWEST_ROWS, ROWS * size) / images)
    if is_call(node, aten.linear.default):
        inputs, outputs = read.reshape(images, -1, size), exact.reshape(images, -1, len(weight))
        drawn = _drawn(images, inputs.shape[1], wanted)
        index = torch.arange(images)[:, None].expand_as(drawn)
        inputs, outputs = inputs[index, drawn].flatten(0, 1), outputs[index, drawn].flatten(0, 1)
        return LayerRows(inputs[None], outputs[None], index.flatten())
    (stride_y, stride_x), (pad_y, pad_x), (step_y, step_x) = (
        argument(node, place, default) for place, default in ((3, [1, 1]), (4, [0, 0]), (5, [1, 1]))
    )
    groups = int(argument(node, 6, 1))
    padded = F.pad(read, (pad_x, pad_x, pad_y, pad_y)) if pad_x or pad_y else read
    drawn = _drawn(images, exact[0, 0].numel(), wanted)
    index = torch.arange(images)[:, None].expand_as(drawn)
    y, x = drawn // exact.shape[3], drawn % exact.shape[3]
    patches = [
        padded[index, :, y * stride_y + i * step_y, x * stride_x + j * step_x]
        for i in range(weight.shape[2])
        for j in range(weight.shape[3])
    ]
    # (images, positions, channels, kernel), a group's channels and kernel together.
    inputs = torch.stack(patches, 3).flatten(0, 1).reshape(drawn.numel(), groups, -1)
    outputs = exact[index, :, y, x].flatten(0, 1).reshape(drawn.numel(), groups, -1)
    return LayerRows(
        inputs.transpose(0, 1).contiguous(), outputs.transpose(0, 1).contiguous(), index.flatten()
    )


def _drawn(images: int, positions: int, wanted: int) -> Tensor:
    """``wanted`` different ones of an image's ``positions``, or all, for each image."""
    if wanted >= positions:
        return torch.arange(positions).expand(images, positions)
    generator = torch.Generator().manual_seed(positions)
    return torch.rand(images, positions, generator=generator).topk(wanted, 1).indices
