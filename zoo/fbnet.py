"""The one builder of FBNetV1, FBNetV2 and FBNetV3 from their architecture tables."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from zoo.architecture import Activation, Architecture, Block, round_channels


def _activation(name: Activation) -> nn.Module:
    return nn.ReLU(inplace=True) if name == "relu" else nn.Hardswish(inplace=True)


class ConvBnAct(nn.Sequential):
    """Convolution, batch normalization and, unless ``act`` is None, an activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        *,
        padding: int | None = None,
        groups: int = 1,
        bias: bool = False,
        act: Activation | None,
    ) -> None:
        pad = kernel // 2 if padding is None else padding
        conv = nn.Conv2d(in_channels, out_channels, kernel, stride, pad, groups=groups, bias=bias)
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv=conv, bn=nn.BatchNorm2d(out_channels)
        )
        if act is not None:
            layers["act"] = _activation(act)
        super().__init__(layers)


class SqueezeExcite(nn.Module):
    """Channel gate: global average pool, 1x1 conv, ``act``, 1x1 conv, hard-sigmoid, multiply."""

    def __init__(self, channels: int, hidden: int, act: Activation) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.act = _activation(act)
        self.expand = nn.Conv2d(hidden, channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Gate ``x`` of shape (N, C, H, W) by channel; the shape is kept."""
        gate: Tensor = self.gate(self.expand(self.act(self.reduce(self.pool(x)))))
        return x * gate


class ChannelShuffle(nn.Module):
    """Interleave channel groups: (N, groups, C / groups) becomes (N, C / groups, groups).

    FBNetV1 shuffles in front of the depthwise conv wherever its pointwise convs are grouped, even
    where the expanding one is omitted (mobile_cv's IRFBlock; ShuffleNet, arXiv:1707.01083).
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Permute the channels of ``x``, shape (N, C, H, W); the shape is kept."""
        # Four dimensions throughout: mobile runtimes transpose those everywhere.
        batch, channels, height, width = x.shape
        grouped = x.reshape(batch, self.groups, channels // self.groups, height * width)
        return grouped.transpose(1, 2).reshape(batch, channels, height, width)


class InvertedResidual(nn.Module):
    """Expand (omitted where it would not widen), depthwise, squeeze-excite, project, residual."""

    def __init__(self, in_channels: int, block: Block, stride: int, divisor: int) -> None:
        super().__init__()
        hidden = round_channels(in_channels * block.e, divisor)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if hidden != in_channels:
            layers["expand"] = ConvBnAct(
                in_channels, hidden, 1, groups=block.pw_groups, bias=block.bias, act=block.act
            )
        if block.pw_groups > 1:
            layers["shuffle"] = ChannelShuffle(block.pw_groups)
        layers["depthwise"] = ConvBnAct(
            hidden,
            hidden,
            block.k,
            stride,
            padding=block.dw_padding if stride > 1 else None,
            groups=hidden // block.dw_group_width,
            bias=block.bias,
            act=block.act,
        )
        if block.se is not None:
            base = hidden * 0.25 if block.se == "expanded" else hidden * 0.25 / block.e
            layers["se"] = SqueezeExcite(hidden, round_channels(int(base), divisor), block.act)
        layers["project"] = ConvBnAct(
            hidden, block.c, 1, groups=block.pw_groups, bias=block.bias, act=None
        )
        self.layers = nn.Sequential(layers)
        self.residual = stride == 1 and in_channels == block.c

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, H / stride, W / stride)."""
        out: Tensor = self.layers(x)
        return x + out if self.residual else out


class PooledExpansion(nn.Sequential):
    """FBNetV2/V3's last stage: expand, global average pool, 1x1 conv without BN, activation."""

    def __init__(self, in_channels: int, block: Block, divisor: int) -> None:
        hidden = round_channels(in_channels * block.e, divisor)
        super().__init__(
            OrderedDict[str, nn.Module](
                expand=ConvBnAct(in_channels, hidden, 1, act=block.act),
                pool=nn.AdaptiveAvgPool2d(1),
                conv=nn.Conv2d(hidden, block.c, 1, bias=False),
                act=_activation(block.act),
            )
        )


class FBNet(nn.Module):
    """An FBNet classifier.

    Input (N, in_chans, H, W) float; output (N, num_classes) logits, or with ``num_classes=0`` the
    (N, num_features) embedding, as in timm.
    """

    def __init__(
        self, architecture: Architecture, num_classes: int = 1000, in_chans: int = 3
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.num_classes = num_classes
        channels = in_chans
        stages = []
        for rows in architecture.stages:
            blocks: list[nn.Module] = []
            for row in rows:
                for repeat in range(row.n):
                    stride = row.s if repeat == 0 else 1
                    blocks.append(_block(row, channels, stride, architecture.width_divisor))
                    channels = row.c
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.num_features = channels
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Conv2d(channels, num_classes, 1) if num_classes else nn.Identity()
        self._initialize()

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes), or the embedding (N, num_features) when there are no classes."""
        return torch.flatten(self.classifier(self.pool(self.stages(x))), 1)

    def _initialize(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # He normal by fan-out, depthwise convs by their own group (arXiv:1502.01852).
                fan_out = module.kernel_size[0] ** 2 * module.out_channels // module.groups
                std = 0.01 if module is self.classifier else (2 / fan_out) ** 0.5
                nn.init.normal_(module.weight, std=std)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif (
                isinstance(module, InvertedResidual)
                and module.residual
                and self.architecture.zero_init_last_bn
            ):
                last = module.layers.get_submodule("project.bn")
                assert isinstance(last, nn.BatchNorm2d)
                nn.init.zeros_(last.weight)


class FBNetFeatures(nn.Module):
    """The maps of an FBNet at each stride (2, 4, 8, 16, 32), for detection and segmentation.

    ``channels`` and ``reductions`` describe the returned list, finest first. The last map is the
    widest one before the final pool, as timm's ``features_only`` has it.
    """

    def __init__(self, network: FBNet) -> None:
        super().__init__()
        levels: list[list[nn.Module]] = []
        self.channels: list[int] = []
        self.reductions: list[int] = []
        for rows, stage in zip(network.architecture.stages, network.stages, strict=True):
            blocks = iter(stage.children())
            for row in rows:
                for repeat in range(row.n):
                    block = next(blocks)
                    if repeat == 0 and row.s > 1:
                        levels.append([])
                        self.channels.append(0)
                        self.reductions.append(row.s * (self.reductions or [1])[-1])
                    if isinstance(block, PooledExpansion):
                        block = block.get_submodule("expand")
                    levels[-1].append(block)
                    self.channels[-1] = _out_channels(block, self.channels[-1])
        self.levels = nn.ModuleList(nn.Sequential(*blocks) for blocks in levels)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Maps of shape (N, channels[i], H / reductions[i], W / reductions[i])."""
        maps = []
        for level in self.levels:
            x = level(x)
            maps.append(x)
        return maps


def _out_channels(block: nn.Module, before: int) -> int:
    convs = [module for module in block.modules() if isinstance(module, nn.Conv2d)]
    return convs[-1].out_channels if convs else before


def _block(row: Block, channels: int, stride: int, divisor: int) -> nn.Module:
    if row.op == "conv":
        return ConvBnAct(channels, row.c, row.k, stride, bias=row.bias, act=row.act)
    if row.op == "ir":
        return InvertedResidual(channels, row, stride, divisor)
    if row.op == "ir_pool":
        return PooledExpansion(channels, row, divisor)
    if channels == row.c and stride == 1:
        return nn.Identity()
    return ConvBnAct(channels, row.c, 1, stride, act="relu")
