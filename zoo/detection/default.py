"""The embedded default for detection and instance segmentation, trained by
``zoo.train_detector``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from zoo import embedded
from zoo.architecture import Block
from zoo.detection.blocks import ConvNorm, DetectorBlock
from zoo.detection.config import DetectorOptions
from zoo.detection.conventions import detection_spec
from zoo.detection.proposals import ProposalRule
from zoo.detection.rules import DetectionRule, Norm
from zoo.detection.two_stage import TwoStageDetector
from zoo.fbnet import FBNet, FBNetFeatures
from zoo.scenes import SIDE
from zoo.segmentation.default import trunk

INPUT_SPEC = detection_spec(SIDE, SIDE, embedded.INPUT_SPEC.mean, embedded.INPUT_SPEC.std)
DIVISOR = 8
CHANNELS = 64
"""Of the maps that the heads see."""
_FINEST = 1  # of the trunk's maps that are merged: stride 4
ANCHOR_SIZES = (24.0, 44.0, 76.0)
"""Pixels: the boxes of items in scenes have 10 to 96 a side."""
PROPOSAL_ROWS = (Block("ir", CHANNELS, k=5, e=2),)
BOX_ROWS = (
    Block("ir", 96, k=3, s=2, e=2),
    Block("ir", 96, k=3, e=3),
    Block("ir", 128, k=3, e=3),
)
MASK_ROWS = (
    Block("ir", 48, k=5, e=1),
    Block("ir", 48, k=5, e=2),
    Block("ir", 24, k=3, s=-2, e=1),
)
STAGES = 5
"""Of its trunk: a map each, of strides 2 to 32."""
OPTIONS = DetectorOptions(
    classes=len(embedded.LABELS),
    masks=True,
    norm="BN",
    pre_nms=200,
    post_nms=32,
    rule=DetectionRule(most=20, candidates=100),
)
"""Scenes have six items at most, so few boxes do."""


class TopDown(nn.Module):
    """Two maps, of strides 4 and 8, of all that is coarser: a feature pyramid (arXiv:1612.03144) of
    depthwise blocks."""

    def __init__(self, in_channels: Sequence[int], channels: int, norm: Norm) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(
            ConvNorm(count, channels, 1, norm, act=False) for count in in_channels
        )
        row = Block("ir", channels, k=5)
        self.output = nn.ModuleList(
            DetectorBlock(channels, row, 1, DIVISOR, norm) for _ in range(2)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """(N, channels, H, W) each, of maps that halve from one to the next."""
        merged = [part(level) for part, level in zip(self.lateral, maps, strict=True)]
        for finer in reversed(range(len(merged) - 1)):
            coarser = F.interpolate(merged[finer + 1], scale_factor=2.0, mode="nearest")
            merged[finer] = merged[finer] + coarser
        return [part(level) for part, level in zip(self.output, merged, strict=False)]


class DefaultDetector(TwoStageDetector):
    """A Mask R-CNN on the default segmenter's FBNetV2-F1 blocks, without dilation.

    Proposals are made of the map of stride 8, boxes and masks of that of stride 4.
    """

    proposing = slice(1, 2)
    pooled = slice(0, 1)

    def __init__(self, options: DetectorOptions = OPTIONS) -> None:
        """Build with random weights."""
        super().__init__(options, (INPUT_SPEC.height, INPUT_SPEC.width))
        self.trunk = FBNetFeatures(FBNet(trunk(), num_classes=0))
        self.pyramid = TopDown(self.trunk.channels[_FINEST:], CHANNELS, options.norm)
        self.strides = self.trunk.reductions[_FINEST : _FINEST + 2]
        self.channels = CHANNELS
        self._add_heads((PROPOSAL_ROWS, BOX_ROWS, MASK_ROWS), (ANCHOR_SIZES,), DIVISOR)

    @property
    def proposal_rule(self) -> ProposalRule:
        """How proposals are chosen."""
        assert self.options.pre_nms is not None and self.options.post_nms is not None
        return ProposalRule(self.options.pre_nms, self.options.post_nms)

    @property
    def stages(self) -> list[nn.Module]:
        """See TwoStageDetector."""
        return list(self.trunk.levels)

    def levels(self, x: Tensor) -> list[Tensor]:
        """See TwoStageDetector."""
        levels: list[Tensor] = self.pyramid(self.trunk(x)[_FINEST:])
        return levels


def build_default(num_classes: int | None = None) -> DefaultDetector:
    """The default detector, randomly initialised, for scenes' ten classes or as many as given."""
    if num_classes is None:
        return DefaultDetector()
    return DefaultDetector(dataclasses.replace(OPTIONS, classes=num_classes))
