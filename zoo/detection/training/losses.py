"""All losses of a two-stage detector on a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from zoo.detection.boxes import BoxWeights
from zoo.detection.roi_align import Pooling
from zoo.detection.training.masks import mask_goals, mask_loss
from zoo.detection.training.pooling import pool
from zoo.detection.training.proposals import Flat, proposal_losses, trained_proposals
from zoo.detection.training.regions import Regions, choose_regions, region_losses
from zoo.detection.training.sampling import Sampling
from zoo.detection.training.truth import Truth


@dataclass(frozen=True)
class LossRule:
    """What is learned from.

    ``iou_thresholds``: lower and upper overlap of anchors with objects, as ``DetectorOptions`` has
    them. ``before`` boxes a level go into suppression at ``suppression``, ``after`` come out of it.
    A proposal is an object's from an overlap of ``region_threshold`` on. Masks are learned of at
    most ``masks`` regions a picture. Defaults are detectron2's.
    """

    iou_thresholds: tuple[float, float] = (0.3, 0.7)
    anchors: Sampling = field(default_factory=lambda: Sampling(256, 0.5))
    before: int = 2000
    after: int = 2000
    suppression: float = 0.7
    regions: Sampling = field(default_factory=lambda: Sampling(512, 0.25))
    region_threshold: float = 0.5
    masks: int = 128


class Losses(NamedTuple):
    """Scalars."""

    objectness: Tensor
    proposals: Tensor
    classes: Tensor
    boxes: Tensor
    masks: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum."""
        return torch.stack(tuple(self)).sum()


class Trainable(Protocol):
    """What the losses need of a detector; ``TwoStageDetector`` and ``FixedFasterRCNN`` are such."""

    height: int
    width: int
    box_weights: BoxWeights
    level_tolerance: float

    @property
    def anchors(self) -> list[Tensor]:
        """Of each map that proposals are made of."""

    @property
    def pooled_strides(self) -> list[int]:
        """Of the maps that boxes are pooled from."""

    def levels(self, x: Tensor) -> list[Tensor]:
        """The maps."""

    def proposal_maps(self, levels: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Logits and deltas of each map."""

    def pooled_maps(self, levels: list[Tensor]) -> list[Tensor]:
        """Those that boxes are pooled from."""

    @property
    def poolings(self) -> tuple[Pooling, Pooling | None]:
        """That of the box head, and that of the mask head where there is one."""

    def score_regions(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """(M, C, P, P) to logits (M, classes + 1), the background last, and deltas
        (M, classes, 4)."""

    def draw_masks(self, pooled: Tensor) -> Tensor | None:
        """(M, C, P, P) to logits (M, classes, S, S); None of a detector without masks."""


def detector_losses(
    network: Trainable,
    x: Tensor,
    truths: Sequence[Truth],
    rule: LossRule,
    random: torch.Generator,
) -> Losses:
    """The losses of a detector on normalized pictures (N, 3, height, width).

    Args:
        network: in training mode, unless statistics are to be left alone.
        x: the pictures.
        truths: what there is on each.
        rule: what is learned from.
        random: what examples are drawn with.
    """
    levels = network.levels(x)
    flat = Flat.of(*network.proposal_maps(levels), network.anchors)
    objectness, moves = proposal_losses(flat, truths, rule.iou_thresholds, rule.anchors, random)
    size = (network.height, network.width)
    proposed = trained_proposals(flat, size, rule.before, rule.after, rule.suppression)
    regions = [
        choose_regions(boxes, truth, rule.region_threshold, rule.regions, random)
        for boxes, truth in zip(proposed, truths, strict=True)
    ]
    maps, strides = network.pooled_maps(levels), network.pooled_strides
    tolerance = network.level_tolerance
    of_boxes, of_masks = network.poolings
    pooled = pool(maps, [part.boxes for part in regions], strides, of_boxes, tolerance)
    classes, boxes = region_losses(*network.score_regions(pooled), regions, network.box_weights)
    drawn = [
        _of_masks(part, truth, rule.masks) for part, truth in zip(regions, truths, strict=True)
    ]
    masks = objectness.new_zeros(())
    if of_masks is not None and any(len(objects) for objects, _, _ in drawn):
        pooled = pool(maps, [own for _, _, own in drawn], strides, of_masks, tolerance)
        logits = network.draw_masks(pooled)
        if logits is not None:
            goals = [
                mask_goals(truth.masks, objects, own, logits.shape[-1])
                for truth, (objects, _, own) in zip(truths, drawn, strict=True)
                if truth.masks is not None and len(objects)
            ]
            labels = torch.cat([label for _, label, _ in drawn])
            masks = mask_loss(logits, labels, torch.cat(goals))
    return Losses(objectness, moves, classes, boxes, masks)


def _of_masks(regions: Regions, truth: Truth, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Objects, labels and boxes of the regions whose masks are learned."""
    count = min(most, len(regions.labels)) if truth.masks is not None else 0
    return regions.objects[:count], regions.labels[:count], regions.boxes[:count]
