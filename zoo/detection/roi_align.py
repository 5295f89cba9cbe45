"""ROI align (Mask R-CNN, arXiv:1703.06870) as two matrix products.

Bilinear interpolation and the mean over sampling points are linear and separable: along each axis
a box has a matrix from the map's cells to its bins, and pooling is the map between both matrices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

CANONICAL_SIZE, CANONICAL_LEVEL = 224.0, 4
"""A box of 224 x 224 pixels is pooled from the level of stride 2^4 (FPN, arXiv:1612.03144, eq. 1).
"""


@dataclass(frozen=True)
class Pooling:
    """How boxes are pooled.

    ``resolution`` is bins a side, ``sampling`` points a bin and axis: 0 takes as many as the bin
    has cells, rounded up. ``aligned`` puts the centre of a map's first cell at half a cell
    (detectron2's ROIAlignV2); without it boxes are at least one cell wide (torchvision's default).
    """

    resolution: int
    sampling: int = 0
    aligned: bool = True


def roi_align(features: Tensor, boxes: Tensor, scale: float, pooling: Pooling) -> Tensor:
    """Pool every box from one map.

    Args:
        features: (N, C, H, W).
        boxes: (N, R, 4) in pixels of the input, clipped to it.
        scale: cells of the map for each pixel of the input.
        pooling: how.

    Returns:
        (N * R, C, resolution, resolution).
    """
    return _pool(features, boxes, scale, pooling, None)


def roi_align_levels(
    features: Sequence[Tensor],
    boxes: Tensor,
    scales: Sequence[float],
    pooling: Pooling,
    tolerance: float,
) -> Tensor:
    """Pool every box from the level of a pyramid that suits its size (FPN, eq. 1).

    Args:
        features: (N, C, H, W) each, neighbouring levels, the finest first.
        boxes: (N, R, 4) in pixels of the input, clipped to it.
        scales: cells for each pixel, powers of two.
        pooling: how.
        tolerance: what is added to the logarithm of a box's size: 1e-6 in torchvision.

    Returns:
        (N * R, C, resolution, resolution).
    """
    size = torch.sqrt(
        torch.relu(boxes[..., 2] - boxes[..., 0]) * torch.relu(boxes[..., 3] - boxes[..., 1])
    )
    pooled = None
    for place, (level_features, scale) in enumerate(zip(features, scales, strict=True)):
        member = torch.ones_like(size)
        level = -math.log2(scale)
        if place > 0:
            member = member * (size >= _smallest(level, tolerance)).to(size.dtype)
        if place < len(features) - 1:
            member = member * (size < _smallest(level + 1, tolerance)).to(size.dtype)
        part = _pool(level_features, boxes, scale, pooling, member)
        pooled = part if pooled is None else pooled + part
    assert pooled is not None
    return pooled


def _smallest(level: float, tolerance: float) -> float:
    """The side of a square box, in pixels, from which on ``level`` or a coarser one has it."""
    return float(CANONICAL_SIZE * 2 ** (level - CANONICAL_LEVEL - tolerance))


def smallest_of_level(stride: int, tolerance: float) -> float:
    """The same of the level of ``stride`` pixels."""
    return _smallest(math.log2(stride), tolerance)


def _pool(
    features: Tensor, boxes: Tensor, scale: float, pooling: Pooling, member: Tensor | None
) -> Tensor:
    channels, height, width = features.shape[1:]
    bins, count = pooling.resolution, boxes.shape[1]
    left, top, right, bottom = (boxes * scale).unbind(dim=-1)  # (N, R) each
    rows = _interpolation(top, bottom, height, pooling)  # (N, R, bins, H)
    columns = _interpolation(left, right, width, pooling)  # (N, R, bins, W)
    if member is not None:
        rows = rows * member.unsqueeze(2).unsqueeze(3)
    flat = features.permute(0, 2, 1, 3).reshape(-1, height, channels * width)
    down = torch.matmul(rows.reshape(-1, count * bins, height), flat)
    down = down.reshape(-1, bins, channels, width).permute(0, 2, 1, 3)  # (N * R, C, bins, W)
    across = columns.reshape(-1, 1, bins, width).transpose(2, 3)  # (N * R, 1, W, bins)
    return torch.matmul(down, across)


def _interpolation(start: Tensor, end: Tensor, cells: int, pooling: Pooling) -> Tensor:
    """The matrix from cells to bins along one axis, (N, R, bins, cells), of boxes (N, R)."""
    size = end - start
    if pooling.aligned:
        start = start - 0.5
    else:
        size = size.clamp(min=1.0)
    bins = pooling.resolution
    step = (size / bins).unsqueeze(2)  # (N, R, 1)
    most = pooling.sampling or -(-cells // bins)  # a clipped box is no larger than the map
    place = torch.arange(bins * most)
    bin_index, point = (place // most).float(), (place % most).float()  # (bins * most,)
    if pooling.sampling:
        points = torch.full_like(step, float(most))
        used = torch.ones_like(step) / most
    else:
        points = step.ceil().clamp(1.0, float(most))
        taken = (point < points).to(step.dtype) * (step > 0).to(step.dtype)
        used = taken / points
    at = start.unsqueeze(2) + step * (bin_index + (point + 0.5) / points)  # (N, R, bins * most)
    inside = (at >= -1.0).to(at.dtype) * (at <= float(cells)).to(at.dtype)
    at = at.clamp(0.0, float(cells - 1)).unsqueeze(3)
    weight = torch.relu(1.0 - (at - torch.arange(cells).float()).abs())
    weight = weight * (used * inside).unsqueeze(3)
    return weight.reshape(-1, start.shape[1], bins, most, cells).sum(3)
