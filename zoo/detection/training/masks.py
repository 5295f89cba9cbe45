"""The loss of masks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import roi_align


def mask_goals(masks: Tensor, objects: Tensor, boxes: Tensor, side: int) -> Tensor:
    """Objects' masks over boxes, 0.0 or 1.0: (P, side, side).

    Args:
        masks: bool (G, height, width).
        objects: int64 (P,), the object of each box.
        boxes: (P, 4) in pixels of the masks.
        side: pixels.
    """
    rows = torch.cat((objects.to(boxes.dtype).unsqueeze(1), boxes), 1)
    cut: Tensor = roi_align(
        masks.to(boxes.dtype).unsqueeze(1), rows, side, sampling_ratio=0, aligned=True
    )
    return (cut.squeeze(1) >= 0.5).to(boxes.dtype)


def mask_loss(logits: Tensor, labels: Tensor, goals: Tensor) -> Tensor:
    """Binary cross-entropy of every pixel of the true class's masks; classes do not compete.

    Args:
        logits: (P, classes, side, side).
        labels: int64 (P,).
        goals: (P, side, side).
    """
    if not len(labels):
        return logits.sum() * 0
    own = logits[torch.arange(len(labels), device=labels.device), labels]
    return F.binary_cross_entropy_with_logits(own, goals)
