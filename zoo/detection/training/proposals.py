"""Region proposal networks: their losses, and the boxes they propose while they are trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import batched_nms

from zoo.detection.boxes import clip_boxes, decode_boxes, encode_boxes, exists
from zoo.detection.proposals import PROPOSAL_WEIGHTS, flatten_level
from zoo.detection.training.assignment import assign
from zoo.detection.training.sampling import Sampling, sample
from zoo.detection.training.truth import Truth

BETA = 1 / 9
"""Where the loss of a box's deltas turns from square to linear (torchvision's)."""


@dataclass(frozen=True)
class Flat:
    """The outputs of all levels in the anchors' order: ``logits`` (N, A), ``deltas`` (N, A, 4),
    ``anchors`` (A, 4), and how many are of each level."""

    logits: Tensor
    deltas: Tensor
    anchors: Tensor
    counts: tuple[int, ...]

    @classmethod
    def of(
        cls, objectness: Sequence[Tensor], deltas: Sequence[Tensor], anchors: Sequence[Tensor]
    ) -> Flat:
        """Of maps as ``zoo.detection.proposals.propose`` takes them."""
        parts = [flatten_level(*maps) for maps in zip(objectness, deltas, strict=True)]
        return cls(
            torch.cat([logits for logits, _ in parts], 1),
            torch.cat([coded for _, coded in parts], 1),
            torch.cat(list(anchors)),
            tuple(len(grid) for grid in anchors),
        )


def proposal_losses(
    flat: Flat,
    truths: Sequence[Truth],
    thresholds: tuple[float, float],
    sampling: Sampling,
    random: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """The loss of objectness (binary cross-entropy) and that of deltas (smooth L1, summed), each
    over the number of sampled anchors.

    Args:
        flat: what the network gives.
        truths: what there is, a picture each.
        thresholds: lower and upper overlap, as ``assign`` takes them.
        sampling: of anchors, a picture.
        random: what is drawn with.
    """
    logits, wanted, moves, goals = [], [], [], []
    for index, truth in enumerate(truths):
        kind, objects = assign(truth.boxes, flat.anchors, thresholds, best_too=True)
        positive, negative = sample(kind, sampling, random)
        chosen = torch.cat((positive, negative))
        logits.append(flat.logits[index, chosen])
        wanted.append(kind[chosen])
        if len(positive):
            moves.append(flat.deltas[index, positive])
            goals.append(
                encode_boxes(
                    truth.boxes[objects[positive]], flat.anchors[positive], PROPOSAL_WEIGHTS
                )
            )
    every = torch.cat(logits)
    objectness = F.binary_cross_entropy_with_logits(every, torch.cat(wanted))
    if not moves:
        return objectness, flat.deltas.sum() * 0
    deltas = F.smooth_l1_loss(torch.cat(moves), torch.cat(goals), beta=BETA, reduction="sum")
    return objectness, deltas / len(every)


@torch.no_grad()
def trained_proposals(
    flat: Flat, size: tuple[int, int], before: int, after: int, threshold: float
) -> list[Tensor]:
    """Proposed boxes (R, 4) of each picture, R at most ``after``, the best first.

    Args:
        flat: what the network gives.
        size: height and width of the input in pixels.
        before: boxes a level that go into suppression.
        after: boxes that are kept.
        threshold: of suppression.
    """
    decoded = clip_boxes(decode_boxes(flat.deltas, flat.anchors, PROPOSAL_WEIGHTS), *size)
    found = []
    for logits, boxes in zip(flat.logits, decoded, strict=True):
        chosen, levels, start = [], [], 0
        for level, count in enumerate(flat.counts):
            best = logits[start : start + count].topk(min(before, count)).indices + start
            chosen.append(best)
            levels.append(torch.full_like(best, level))
            start += count
        index, level_of = torch.cat(chosen), torch.cat(levels)
        there = exists(boxes[index]) > 0
        index, level_of = index[there], level_of[there]
        kept = batched_nms(boxes[index], logits[index], level_of, threshold)[:after]
        found.append(boxes[index[kept]])
    return found
