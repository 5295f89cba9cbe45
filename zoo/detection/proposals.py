"""The boxes a region proposal network proposes, always as many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.detection import ABSENT
from zoo.detection.boxes import clip_boxes, decode_boxes, exists, take
from zoo.detection.rules import SWEEPS
from zoo.detection.suppression import kept

PROPOSAL_WEIGHTS = (1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class ProposalRule:
    """How proposals are chosen.

    ``before`` boxes of the highest score a level (all, where there are fewer) go into suppression
    at ``threshold``, and of what it keeps the ``after`` best are proposed. Boxes whose shorter side
    is not above ``smallest`` pixels (not below it, if ``inclusive``), and those whose objectness's
    probability is below ``lowest``, are left out.
    """

    before: int
    after: int
    threshold: float = 0.7
    smallest: float = 0.0
    inclusive: bool = False
    lowest: float = 0.0
    sweeps: int = SWEEPS


def propose(
    objectness: Sequence[Tensor],
    deltas: Sequence[Tensor],
    anchors: Sequence[Tensor],
    size: tuple[int, int],
    rule: ProposalRule,
) -> tuple[Tensor, Tensor]:
    """Choose proposals from the maps of every level.

    Args:
        objectness: (N, A, H, W) logits a level.
        deltas: (N, 4 * A, H, W) a level, an anchor's four beside each other.
        anchors: (H * W * A, 4) a level.
        size: height and width of the input in pixels.
        rule: how many.

    Returns:
        Boxes (N, after, 4), the best first, and their logits (N, after), ``ABSENT`` for boxes that
        make up the number.
    """
    boxes, scores = [], []
    for level_logits, level_deltas, level_anchors in zip(objectness, deltas, anchors, strict=True):
        logits, coded = flatten_level(level_logits, level_deltas)
        decoded = clip_boxes(decode_boxes(coded, level_anchors, PROPOSAL_WEIGHTS), *size)
        best, index = torch.topk(logits, min(rule.before, level_anchors.shape[0]), dim=1)
        chosen = take(decoded, index)
        present = exists(chosen, rule.smallest, inclusive=rule.inclusive)
        if rule.lowest > 0:
            present = present * (torch.sigmoid(best) >= rule.lowest).to(best.dtype)
        keep = kept(chosen, present, rule.threshold, sweeps=rule.sweeps)
        boxes.append(chosen)
        scores.append(best * keep + ABSENT * (1 - keep))
    all_boxes, all_scores = torch.cat(boxes, dim=1), torch.cat(scores, dim=1)
    proposed, index = torch.topk(all_scores, min(rule.after, all_scores.shape[1]), dim=1)
    return take(all_boxes, index), proposed


def flatten_level(logits: Tensor, deltas: Tensor) -> tuple[Tensor, Tensor]:
    """Maps (N, A, H, W) and (N, 4 * A, H, W) in the anchors' order: (N, H*W*A), (N, H*W*A, 4)."""
    _, anchors, height, width = logits.shape
    count = height * width * anchors
    return (
        logits.permute(0, 2, 3, 1).reshape(-1, count),
        # Four dimensions, as mobile runtimes transpose them everywhere.
        deltas.permute(0, 2, 3, 1).reshape(-1, count, 4),
    )
