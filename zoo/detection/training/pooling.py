"""Boxes pooled from maps, any number a picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import roi_align

from zoo.detection.roi_align import Pooling, smallest_of_level
from zoo.detection.roi_align import roi_align as roi_align_by_products

SMALL = 1024
"""Places of a map up to which two matrix products are faster, forth and back, than torchvision's
operator: a fifth of the time for 32 x 32 places, measured on a CPU."""


def pool(
    maps: Sequence[Tensor],
    boxes: Sequence[Tensor],
    strides: Sequence[int],
    pooling: Pooling,
    tolerance: float = 0.0,
) -> Tensor:
    """What ``zoo.detection.roi_align`` makes of the same boxes.

    Args:
        maps: (N, C, H, W) each, neighbouring levels, the finest first.
        boxes: (R, 4) of each of the N pictures.
        strides: pixels of the input a place of each map stands for.
        pooling: how.
        tolerance: of a box's level, as ``roi_align_levels`` has it.

    Returns:
        (sum of R, C, resolution, resolution).
    """
    small = maps[0].shape[2] * maps[0].shape[3] <= SMALL and maps[0].device.type == "cpu"
    if len(maps) == 1 and small:
        return _by_products(maps[0], boxes, strides[0], pooling)
    rows = torch.cat([F.pad(own, (1, 0), value=float(i)) for i, own in enumerate(boxes)])
    if len(maps) == 1:
        return _align(maps[0], rows, strides[0], pooling)
    size = (rows[:, 3:] - rows[:, 1:3]).clamp(min=0).prod(1).sqrt()
    limits = [smallest_of_level(stride, tolerance) for stride in strides[1:]]
    level = torch.bucketize(size, torch.tensor(limits).to(size), right=True)
    side = pooling.resolution
    pooled = maps[0].new_zeros(len(rows), maps[0].shape[1], side, side)
    for place, stride in enumerate(strides):
        own = torch.nonzero(level == place).flatten()
        part = _align(maps[place], rows[own], stride, pooling)
        pooled = pooled.index_copy(0, own, part)
    return pooled


def _by_products(
    features: Tensor, boxes: Sequence[Tensor], stride: int, pooling: Pooling
) -> Tensor:
    counts = [len(own) for own in boxes]
    most = max(counts)
    padded = torch.stack([F.pad(own, (0, 0, 0, most - len(own))) for own in boxes])
    pooled = roi_align_by_products(features, padded, 1 / stride, pooling)
    there = torch.arange(most).expand(len(counts), most) < torch.tensor(counts).unsqueeze(1)
    return pooled[there.flatten()]


def _align(features: Tensor, rows: Tensor, stride: int, pooling: Pooling) -> Tensor:
    pooled: Tensor = roi_align(
        features,
        rows,
        pooling.resolution,
        1 / stride,
        sampling_ratio=pooling.sampling,
        aligned=pooling.aligned,
    )
    return pooled
