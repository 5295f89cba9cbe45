"""MediaPipe's selfie segmenter (256 x 256) as a torch module, written from its graph.

A MobileNetV3-Small-like encoder, LR-ASPP's gate on it, and a decoder that at each of three
resolutions lets the coarser map gate the encoder's:

    fbdeploy deploy benchmarks/segmentation/selfie_network.py:build --weights selfie.safetensors

``selfie_weights.py`` makes the weights of MediaPipe's file.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: MediaPipe's graph stretches the picture over the input (selfie_segmentation_cpu.pbtxt).
PREPROCESSING = {
    "input_size": (3, 256, 256),
    "mean": (0.0, 0.0, 0.0),
    "std": (1.0, 1.0, 1.0),
    "crop_mode": "squash",
}


def same_padded(channels: int, made: int, kernel: int, stride: int, groups: int = 1) -> nn.Module:
    """A convolution that pads as TensorFlow's SAME does: at stride 2 the odd zero at the end."""
    if stride == 1:
        return nn.Conv2d(channels, made, kernel, padding=kernel // 2, groups=groups)
    before, after = (kernel - 2) // 2, (kernel - 1) // 2
    conv = nn.Conv2d(channels, made, kernel, stride, groups=groups)
    return nn.Sequential(nn.ZeroPad2d((before, after, before, after)), conv)


class Gate(nn.Module):
    """(N, channels, h, w) -> its gate, (N, channels, 1, 1) in 0..1."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        gate: Tensor = self.layers(x)
        return gate


class Block(nn.Module):
    """An inverted residual block; gated where ``squeezed``, a residual where shapes agree."""

    def __init__(
        self,
        channels: int,
        wide: int,
        made: int,
        kernel: int,
        stride: int,
        activation: type[nn.Module],
        squeezed: int = 0,
    ) -> None:
        super().__init__()
        self.expand = nn.Conv2d(channels, wide, 1)
        self.spatial = same_padded(wide, wide, kernel, stride, groups=wide)
        self.activation = activation()
        self.gate = Gate(wide, squeezed) if squeezed else None
        self.project = nn.Conv2d(wide, made, 1)
        self.residual = stride == 1 and channels == made

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, h, w) -> (N, made, h / stride, w / stride)."""
        wide = self.activation(self.spatial(self.activation(self.expand(x))))
        if self.gate is not None:
            wide = wide * self.gate(wide)
        made: Tensor = self.project(wide)
        return made + x if self.residual else made


class GatedHead(nn.Module):
    """LR-ASPP's first half: a map, gated by its mean over the picture."""

    def __init__(self, channels: int, made: int) -> None:
        super().__init__()
        self.map = nn.Conv2d(channels, made, 1)
        self.mean = nn.Conv2d(channels, made, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, h, w) -> (N, made, h, w)."""
        gate = self.mean(F.adaptive_avg_pool2d(x, 1)).sigmoid()
        return self.map(x).relu() * gate


class Merge(nn.Module):
    """Twice the resolution, and what the encoder knew there."""

    def __init__(self, channels: int, made: int) -> None:
        super().__init__()
        self.fit = nn.Conv2d(channels, made, 1)
        self.gate = Gate(made, made)
        self.mix = nn.Conv2d(made, made, 1)
        self.spatial = nn.Conv2d(made, made, 3, padding=1, groups=made)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """(N, channels, h, w) and (N, made, 2h, 2w) -> (N, made, 2h, 2w)."""
        up = self.fit(F.interpolate(coarse, scale_factor=2.0, mode="bilinear"))
        mixed = self.mix(fine * self.gate(fine + up) + up).relu()
        spatial: Tensor = self.spatial(mixed)
        return mixed + spatial.relu()


class SelfieSegmenter(nn.Module):
    """(N, 3, 256, 256) RGB in 0..1 -> logits (N, 2, 256, 256): background and person.

    MediaPipe's file has one logit x and its sigmoid; these are -x/2 and x/2, of the same softmax.
    Layers are registered in the order in which MediaPipe's graph computes them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pretrained_cfg, self.labels = PREPROCESSING, ["background", "person"]
        relu, swish = nn.ReLU, nn.Hardswish
        self.stem = nn.Sequential(same_padded(3, 16, 3, 2), nn.Hardswish())
        self.stage1 = Block(16, 16, 16, 3, 2, relu, 8)
        self.stage2 = nn.Sequential(
            Block(16, 72, 24, 3, 2, relu),
            Block(24, 88, 24, 3, 1, relu),
        )
        self.stage3 = nn.Sequential(
            Block(24, 96, 32, 5, 2, swish, 24),
            Block(32, 128, 32, 5, 1, swish, 32),
            Block(32, 128, 32, 5, 1, swish, 32),
            Block(32, 96, 32, 5, 1, swish, 24),
            Block(32, 96, 32, 5, 1, swish, 24),
        )
        self.head = GatedHead(32, 128)
        self.merges = nn.ModuleList([Merge(128, 24), Merge(24, 16), Merge(16, 16)])
        self.logits = nn.ConvTranspose2d(16, 2, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        first = self.stem(x)
        second = self.stage1(first)
        third = self.stage2(second)
        found = self.head(self.stage3(third))
        for merge, fine in zip(self.merges, (third, second, first), strict=True):
            found = merge(found, fine)
        logits: Tensor = self.logits(found)
        return logits


def build(num_classes: int = 2) -> SelfieSegmenter:
    """For ``fbdeploy deploy FILE.py:build``, whose ``--weights`` fill it.

    Raises:
        ValueError: other than two classes.
    """
    if num_classes != 2:
        raise ValueError(f"has background and person; give --num-classes 2, not {num_classes}")
    return SelfieSegmenter().eval()


@torch.no_grad()
def fill(network: SelfieSegmenter, layers: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Copy weights and biases, in torch's layouts and in the order of MediaPipe's graph.

    The last are of one logit x, and fill those of -x/2 and x/2.

    Raises:
        ValueError: their number or shapes are others.
    """
    own = [part for part in network.modules() if isinstance(part, nn.Conv2d | nn.ConvTranspose2d)]
    (weight, bias), *_ = layers[::-1]
    both = (torch.cat([-weight, weight], 1) / 2, torch.cat([-bias, bias]) / 2)
    for number, (layer, given) in enumerate(zip(own, [*layers[:-1], both], strict=True)):
        for name, value in zip(("weight", "bias"), given, strict=True):
            mine = layer.get_parameter(name)
            if mine.shape != value.shape:
                raise ValueError(
                    f"layer {number} has a {name} of {tuple(value.shape)} where "
                    f"{tuple(mine.shape)} is expected"
                )
            mine.copy_(value)
