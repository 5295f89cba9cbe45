"""The second stage: which proposals are examples, and the losses of their classes and boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.detection.boxes import BoxWeights, encode_boxes
from zoo.detection.training.assignment import assign
from zoo.detection.training.proposals import BETA
from zoo.detection.training.sampling import Sampling, sample
from zoo.detection.training.truth import Truth


@dataclass(frozen=True)
class Regions:
    """Proposals of one picture that are examples: those of objects first.

    ``boxes`` (R, 4); of the first P, ``labels`` (P,) are the classes, ``objects`` (P,) the objects'
    indices and ``goals`` (P, 4) their boxes. The others are background.
    """

    boxes: Tensor
    labels: Tensor
    objects: Tensor
    goals: Tensor


def choose_regions(
    proposed: Tensor, truth: Truth, threshold: float, sampling: Sampling, random: torch.Generator
) -> Regions:
    """Draw examples of the proposals (R, 4), to which the objects' own boxes are added.

    Args:
        proposed: boxes of one picture.
        truth: what there is on it.
        threshold: overlap from which a proposal is an object's.
        sampling: how many.
        random: what is drawn with.
    """
    boxes = torch.cat((proposed, truth.boxes))
    kind, objects = assign(truth.boxes, boxes, (threshold, threshold))
    positive, negative = sample(kind, sampling, random)
    own = objects[positive]
    return Regions(boxes[torch.cat((positive, negative))], truth.labels[own], own, truth.boxes[own])


def region_losses(
    class_logits: Tensor, deltas: Tensor, regions: Sequence[Regions], weights: BoxWeights
) -> tuple[Tensor, Tensor]:
    """The loss of classes (cross-entropy) and that of deltas (smooth L1, summed), each over the
    number of regions.

    Args:
        class_logits: (sum of R, classes + 1), the background last.
        deltas: (sum of R, classes, 4).
        regions: of each picture.
        weights: of the deltas.
    """
    background = class_logits.shape[1] - 1
    wanted, rows, labels, goals, start = [], [], [], [], 0
    for part in regions:
        count = len(part.labels)
        wanted.append(F.pad(part.labels, (0, len(part.boxes) - count), value=background))
        rows.append(torch.arange(start, start + count, device=deltas.device))
        labels.append(part.labels)
        goals.append(encode_boxes(part.goals, part.boxes[:count], weights))
        start += len(part.boxes)
    classes = F.cross_entropy(class_logits, torch.cat(wanted))
    own = deltas[torch.cat(rows), torch.cat(labels)]
    boxes = F.smooth_l1_loss(own, torch.cat(goals), beta=BETA, reduction="sum")
    return classes, boxes / len(class_logits)
