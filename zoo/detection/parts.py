"""The parts of a two-stage detector: feature pyramid, region proposal network and heads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.architecture import Block
from zoo.detection.blocks import ConvNorm, build_stage
from zoo.detection.rules import Norm


class FeaturePyramid(nn.Module):
    """FPN (arXiv:1612.03144) as detectron2 has it, with one more level by subsampling the last."""

    def __init__(self, in_channels: Sequence[int], channels: int, norm: Norm) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(
            ConvNorm(count, channels, 1, norm, act=False) for count in in_channels
        )
        self.output = nn.ModuleList(
            ConvNorm(channels, channels, 3, norm, act=False) for _ in in_channels
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Levels (N, channels, H, W) of maps that halve from one to the next, and one more."""
        laterals = [part(level) for part, level in zip(self.lateral, maps, strict=True)]
        merged = [laterals[-1]]
        for lateral in reversed(laterals[:-1]):
            merged.insert(0, lateral + F.interpolate(merged[0], scale_factor=2.0, mode="nearest"))
        levels: list[Tensor] = [
            part(level) for part, level in zip(self.output, merged, strict=True)
        ]
        return [*levels, F.max_pool2d(levels[-1], kernel_size=1, stride=2)]


class ProposalHead(nn.Module):
    """Scores and moves every anchor of a map; all levels share its weights."""

    def __init__(
        self, in_channels: int, rows: Sequence[Block], divisor: int, anchors: int, norm: Norm
    ) -> None:
        super().__init__()
        self.blocks, channels = build_stage(rows, in_channels, divisor, norm)
        self.objectness = nn.Conv2d(channels, anchors, 1)
        self.deltas = nn.Conv2d(channels, 4 * anchors, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) to logits (N, anchors, H, W) and deltas (N, 4 * anchors, H, W)."""
        x = self.blocks(x)
        return self.objectness(x), self.deltas(x)


class BoxHead(nn.Module):
    """Classifies pooled boxes and moves them once more, for each class by itself."""

    def __init__(
        self, in_channels: int, rows: Sequence[Block], divisor: int, classes: int, norm: Norm
    ) -> None:
        super().__init__()
        self.blocks, channels = build_stage(rows, in_channels, divisor, norm)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.scores = nn.Linear(channels, classes + 1)
        self.deltas = nn.Linear(channels, 4 * classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(M, C, P, P) to logits (M, classes + 1), the background last, and (M, 4 * classes)."""
        x = torch.flatten(self.pool(self.blocks(x)), 1)
        return self.scores(x), self.deltas(x)


class MaskHead(nn.Module):
    """A mask a class of a pooled box."""

    def __init__(
        self, in_channels: int, rows: Sequence[Block], divisor: int, classes: int, norm: Norm
    ) -> None:
        super().__init__()
        self.blocks, channels = build_stage(rows, in_channels, divisor, norm)
        self.masks = nn.Conv2d(channels, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(M, C, P, P) to logits (M, classes, S, S); training compares those of the true class."""
        logits: Tensor = self.masks(self.blocks(x))
        return logits

    def of_classes(self, x: Tensor, labels: Tensor) -> Tensor:
        """Logits (M, S, S) of one class each, ``labels`` (M,) as floats.

        Only that class's part of the last convolution is computed: 1 of 80 on COCO.
        """
        x = self.blocks(x)
        channels, height, width = x.shape[1:]
        classes = torch.arange(self.masks.out_channels).float()
        one_hot = ((labels.unsqueeze(1) - classes).abs() < 0.5).to(x.dtype)  # (M, classes)
        weight = torch.matmul(one_hot, self.masks.weight.reshape(-1, channels))  # (M, channels)
        assert self.masks.bias is not None
        bias = torch.matmul(one_hot, self.masks.bias.unsqueeze(1))  # (M, 1)
        logits = torch.matmul(weight.unsqueeze(1), x.reshape(-1, channels, height * width))
        return (logits + bias.unsqueeze(1)).reshape(-1, height, width)
