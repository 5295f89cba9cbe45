"""Anchors: the boxes that detections are told relative to."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def cell_anchors(sizes: Sequence[float], ratios: Sequence[float]) -> Tensor:
    """Anchors around (0, 0), (len(sizes) * len(ratios), 4), ratios changing fastest.

    Each has the area size² and the given ratio of height to width (detectron2's order and
    geometry).
    """
    rows = []
    for size in sizes:
        for ratio in ratios:
            width = math.sqrt(size * size / ratio)
            height = ratio * width
            rows.append((-width / 2, -height / 2, width / 2, height / 2))
    return torch.tensor(rows)


def grid_anchors(
    cells: Tensor, height: int, width: int, stride: float | tuple[float, float]
) -> Tensor:
    """``cells`` (A, 4) at every place of a map, (height * width * A, 4), row by row.

    Args:
        cells: anchors around (0, 0).
        height: of the map, in cells.
        width: of the map, in cells.
        stride: pixels from one place to the next, for both axes or (down, right).
    """
    down, right = stride if isinstance(stride, tuple) else (stride, stride)
    rows, columns = torch.arange(height) * down, torch.arange(width) * right
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    shifts = torch.stack((x, y, x, y), dim=-1).reshape(-1, 1, 4)
    return (shifts + cells).reshape(-1, 4)
