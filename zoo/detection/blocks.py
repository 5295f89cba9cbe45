"""The blocks of D2Go's FBNetV3 detectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zoo.architecture import Block, round_channels
from zoo.detection.norms import make_norm
from zoo.detection.rules import Norm

SQUEEZE = 0.25
"""Channels of a squeeze's bottleneck for each that it gates (mobile_cv's less_se_channels=False).
"""


class ConvNorm(nn.Sequential):
    """Convolution, normalization where there is one, ReLU where ``act``.

    Without a normalization the convolution has a bias.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        norm: Norm,
        *,
        stride: int = 1,
        bias: bool = False,
        act: bool = True,
    ) -> None:
        super().__init__()
        bias = bias or norm == "folded"
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=bias)
        normalization = make_norm(norm, out_channels)
        if normalization is not None:
            self.norm = normalization
        if act:
            self.act = nn.ReLU(inplace=True)


class SigmoidGate(nn.Module):
    """Squeeze-excite with a sigmoid: pool, 1x1 conv, ReLU, 1x1 conv, sigmoid, multiply."""

    def __init__(self, channels: int, divisor: int) -> None:
        super().__init__()
        hidden = round_channels(int(channels * SQUEEZE), divisor)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.act = nn.ReLU(inplace=True)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Gate ``x`` of shape (N, C, H, W) by channel; the shape is kept."""
        return x * torch.sigmoid(self.expand(self.act(self.reduce(self.pool(x)))))


class DetectorBlock(nn.Module):
    """Inverted residual without normalization and activation behind the depthwise convolution.

    That makes it easier to quantize (d2go's dw_skip_bnrelu). Where the block's stride is -2 the
    resolution doubles (nearest) in front of the depthwise convolution.
    """

    def __init__(
        self, in_channels: int, block: Block, stride: int, divisor: int, norm: Norm
    ) -> None:
        super().__init__()
        hidden = round_channels(in_channels * block.e, divisor)
        self.expand = None
        if hidden != in_channels:
            self.expand = ConvNorm(in_channels, hidden, 1, norm)
        self.upsample = nn.Upsample(scale_factor=-stride, mode="nearest") if stride < 0 else None
        self.depthwise = nn.Conv2d(
            hidden,
            hidden,
            block.k,
            max(stride, 1),
            block.k // 2,
            groups=hidden,
            bias=norm == "folded",
        )
        self.squeeze = SigmoidGate(hidden, divisor) if block.se else None
        self.project = ConvNorm(hidden, block.c, 1, norm, act=False)
        self.residual = stride == 1 and in_channels == block.c

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, H / stride, W / stride)."""
        out = x
        for part in (self.expand, self.upsample, self.depthwise, self.squeeze, self.project):
            if part is not None:
                out = part(out)
        return x + out if self.residual else out


def build_stage(
    rows: Sequence[Block], in_channels: int, divisor: int, norm: Norm
) -> tuple[nn.Sequential, int]:
    """The blocks of ``rows``, and their output channels."""
    blocks: list[nn.Module] = []
    for row in rows:
        for repeat in range(row.n):
            stride = row.s if repeat == 0 else 1
            if row.op == "conv":
                blocks.append(
                    ConvNorm(in_channels, row.c, row.k, norm, stride=stride, bias=row.bias)
                )
            else:
                blocks.append(DetectorBlock(in_channels, row, stride, divisor, norm))
            in_channels = row.c
    return nn.Sequential(*blocks), in_channels
