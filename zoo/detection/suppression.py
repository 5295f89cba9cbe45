"""Greedy non-maximum suppression as a fixed number of matrix products.

Whether box j is kept follows from the better boxes that overlap it: it is kept if none of them is.
From "all are kept", one product with the matrix of overlaps tells what each kept box suppresses.
Repeated, this settles the boxes in order of the longest chain of overlaps above them: after as many
sweeps as that chain is long, nothing changes any more and the result is exactly the greedy one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.detection.boxes import overlapping
from zoo.detection.rules import SWEEPS


def kept(
    boxes: Tensor,
    present: Tensor,
    threshold: float,
    groups: Tensor | None = None,
    sweeps: int = SWEEPS,
) -> Tensor:
    """1.0 where greedy suppression keeps a box, else 0.0.

    Args:
        boxes: (N, K, 4), the best first.
        present: (N, K): 1.0, or 0.0 for boxes that are not there: not kept, suppressing none.
        threshold: boxes that overlap a better kept one by more intersection over union are not
            kept.
        groups: (N, K) float numbers of classes or levels; only boxes of one group suppress each
            other. None: all are of one.
        sweeps: chains of suppression up to this length are resolved as the greedy algorithm does.

    Returns:
        (N, K).
    """
    count = boxes.shape[1]
    rank = torch.arange(count).to(boxes.dtype)
    better = (rank.unsqueeze(1) < rank.unsqueeze(0)).to(boxes.dtype)  # row i than column j
    suppresses = overlapping(boxes, threshold) * better
    if groups is not None:
        distance = (groups.unsqueeze(2) - groups.unsqueeze(1)).abs()
        suppresses = suppresses * (distance < 0.5).to(boxes.dtype)
    keep = present.unsqueeze(1)  # (N, 1, K)
    for _ in range(sweeps):
        suppressed = torch.matmul(keep, suppresses)
        keep = present.unsqueeze(1) * (suppressed < 0.5).to(boxes.dtype)
    return keep.squeeze(1)


def longest_chain(boxes: Tensor, threshold: float, groups: Tensor | None = None) -> int:
    """How many sweeps ``kept`` needs for ``boxes`` (1, K, 4), the best first; for choosing them."""
    present = torch.ones(boxes.shape[:2])
    before = kept(boxes, present, threshold, groups, 0)
    for sweeps in range(1, boxes.shape[1] + 1):
        after = kept(boxes, present, threshold, groups, sweeps)
        if torch.equal(before, after):
            return sweeps - 1
        before = after
    return boxes.shape[1]
