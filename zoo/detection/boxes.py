"""Boxes as tensors: coding against anchors, clipping, overlap."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LARGEST_LOG_SCALE = math.log(1000 / 16)
"""What predicted log sizes are clamped to, so that exp stays finite (detectron2's and torchvision's
box coders)."""

HALF_PRECISION_SCALE = 1 / 16
"""What sides are multiplied by before they become areas: those of inputs up to 4096 pixels are
numbers of float16 then, whose largest is 65504. A power of two changes nothing else."""

BoxWeights = tuple[float, float, float, float]


def decode_boxes(deltas: Tensor, anchors: Tensor, weights: BoxWeights) -> Tensor:
    """Boxes that ``deltas`` tell relative to ``anchors`` (Faster R-CNN, arXiv:1506.01497, eq. 2).

    Args:
        deltas: (..., 4): shift of the centre in sizes of the anchor, and logarithm of the scale.
        anchors: (..., 4) boxes, broadcast against ``deltas``.
        weights: what the four were multiplied by.

    Returns:
        (..., 4) boxes, not clipped.
    """
    left, top, right, bottom = anchors.chunk(4, dim=-1)
    width, height = right - left, bottom - top
    shift_x, shift_y, scale_x, scale_y = deltas.chunk(4, dim=-1)
    centre_x = shift_x / weights[0] * width + (left + 0.5 * width)
    centre_y = shift_y / weights[1] * height + (top + 0.5 * height)
    half_width = 0.5 * width * (scale_x / weights[2]).clamp(max=LARGEST_LOG_SCALE).exp()
    half_height = 0.5 * height * (scale_y / weights[3]).clamp(max=LARGEST_LOG_SCALE).exp()
    return torch.cat(
        (
            centre_x - half_width,
            centre_y - half_height,
            centre_x + half_width,
            centre_y + half_height,
        ),
        dim=-1,
    )


def encode_boxes(boxes: Tensor, anchors: Tensor, weights: BoxWeights) -> Tensor:
    """The deltas (..., 4) that ``decode_boxes`` makes ``boxes`` of; sizes are above 0."""
    size = anchors[..., 2:] - anchors[..., :2]
    wanted = boxes[..., 2:] - boxes[..., :2]
    shift = (boxes[..., :2] + 0.5 * wanted - anchors[..., :2] - 0.5 * size) / size
    scale = torch.log(wanted / size)
    return torch.cat((shift, scale), dim=-1) * torch.tensor(weights).to(boxes)


def clip_boxes(boxes: Tensor, height: int, width: int) -> Tensor:
    """Boxes (..., 4) cut off at the borders of an input of ``height`` x ``width`` pixels."""
    left, top, right, bottom = boxes.chunk(4, dim=-1)
    return torch.cat(
        (
            left.clamp(0, width),
            top.clamp(0, height),
            right.clamp(0, width),
            bottom.clamp(0, height),
        ),
        dim=-1,
    )


def exists(boxes: Tensor, smallest: float = 0.0, *, inclusive: bool = False) -> Tensor:
    """1.0 where both sides are above ``smallest`` pixels (or equal to it), else 0.0: (...)."""
    width = boxes[..., 2] - boxes[..., 0]
    height = boxes[..., 3] - boxes[..., 1]
    shorter = torch.minimum(width, height)
    return ((shorter >= smallest) if inclusive else (shorter > smallest)).to(boxes.dtype)


def overlapping(boxes: Tensor, threshold: float) -> Tensor:
    """1.0 where intersection over union is above ``threshold``, else 0.0.

    Nothing is divided, so that boxes without area overlap none, in every runtime.

    Args:
        boxes: (N, K, 4).
        threshold: in [0, 1).

    Returns:
        (N, K, K), symmetric.
    """
    left, top, right, bottom = (boxes * HALF_PRECISION_SCALE).chunk(4, dim=-1)  # (N, K, 1) each
    width = torch.minimum(right, right.transpose(1, 2)) - torch.maximum(left, left.transpose(1, 2))
    height = torch.minimum(bottom, bottom.transpose(1, 2)) - torch.maximum(top, top.transpose(1, 2))
    shared = torch.relu(width) * torch.relu(height)
    area = (right - left) * (bottom - top)
    union = area + area.transpose(1, 2) - shared
    return (shared > threshold * union).to(boxes.dtype)


def take(values: Tensor, index: Tensor) -> Tensor:
    """Rows of ``values`` (N, M, C) by ``index`` (N, K), int64: (N, K, C)."""
    return torch.gather(values, 1, index.unsqueeze(2).expand(-1, -1, values.shape[2]))
