"""Logits at another size, as torchvision's segmentation networks and their users have it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def resize_logits(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits (N, classes, h, w) at ``size`` (height, width): bilinear, corners not aligned."""
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
