"""Operators of mobile networks, each a function of a map (N, 8, 8, 8) to one of the same shape."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS = 8


class Function(nn.Module):
    """A function of ``layers`` and a map."""

    def __init__(self, function: Callable[..., Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.function, self.layers = function, nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.layers)


def _efficient_channel_attention(x: Tensor, mix: nn.Module) -> Tensor:
    gate = mix(x.mean((2, 3)).unsqueeze(1)).squeeze(1)
    return x * torch.sigmoid(gate)[:, :, None, None]


def _shuffled(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def _attention(x: Tensor, project: nn.Module) -> Tensor:
    n, c, h, w = x.shape
    query, key, value = project(x).flatten(2).chunk(3, 1)
    weights = torch.softmax(query.transpose(1, 2) @ key * c**-0.5, -1)
    return (weights @ value.transpose(1, 2)).transpose(1, 2).reshape(n, c, h, w)


def _branch_attention(x: Tensor, left: nn.Module, right: nn.Module, weigh: nn.Module) -> Tensor:
    branches = torch.stack([left(x), right(x)], 1)
    weights = torch.softmax(weigh(branches.sum(1).mean((2, 3))), -1)
    return (branches * weights[:, :, None, None, None]).sum(1)


def _split(x: Tensor, left: nn.Module, right: nn.Module) -> Tensor:
    a, b = torch.split(x, CHANNELS // 2, 1)
    return torch.cat([left(a), right(b)], 1)


def _nhwc(x: Tensor, norm: nn.Module, layer: nn.Module) -> Tensor:
    rows: Tensor = layer(norm(x.permute(0, 2, 3, 1)))
    return rows.permute(0, 3, 1, 2)


def _along_rows(x: Tensor, layer: nn.Module) -> Tensor:
    rows: Tensor = layer(x.flatten(2))
    return rows.reshape(x.shape)


def _coordinate_attention(x: Tensor, mix: nn.Module) -> Tensor:
    high, wide = x.mean(3, keepdim=True), x.mean(2, keepdim=True)
    both: Tensor = torch.sigmoid(mix(torch.cat([high, wide.transpose(2, 3)], 2)))
    gate_high, gate_wide = both.split([8, 8], 2)
    return x * gate_high * gate_wide.transpose(2, 3)


def _conv(inputs: int = CHANNELS, outputs: int = CHANNELS, size: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, padding=size // 2)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "prelu": lambda: nn.PReLU(CHANNELS),
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU("tanh"),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": lambda: nn.LeakyReLU(0.1),
    "steep_leaky_relu": lambda: nn.LeakyReLU(1e-3),
    "hard_sigmoid": nn.Hardsigmoid,
    "hard_swish": nn.Hardswish,
    "relu6": nn.ReLU6,
    "selu": nn.SELU,
    "celu": lambda: nn.CELU(0.7),
    "log_sigmoid": nn.LogSigmoid,
    "hard_shrink": lambda: nn.Hardshrink(0.3),
    "hard_tanh": lambda: nn.Hardtanh(-2, 1.5),
    "clamp": lambda: Function(lambda x: x.clamp(min=-0.5)),
    "abs": lambda: Function(torch.abs),
    "exp": lambda: Function(lambda x: torch.exp(-x * x)),
    "square_root": lambda: Function(lambda x: torch.sqrt(F.relu(x) + 0.1)),
}

SPATIAL: dict[str, Callable[[], nn.Module]] = {
    "pixel_shuffle": lambda: nn.Sequential(_conv(outputs=32), nn.PixelShuffle(2), nn.MaxPool2d(2)),
    "pixel_unshuffle": lambda: nn.Sequential(
        nn.PixelUnshuffle(2), nn.Conv2d(32, 8, 1), nn.Upsample(scale_factor=2)
    ),
    "transposed_convolution": lambda: nn.Sequential(
        nn.ConvTranspose2d(8, 8, 2, stride=2), nn.AvgPool2d(2)
    ),
    "transposed_convolution_that_overlaps": lambda: nn.Sequential(
        nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1), nn.AvgPool2d(2)
    ),
    "bilinear": lambda: nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(8, 8, 3, stride=2, padding=1)
    ),
    "bilinear_by_a_factor": lambda: Function(
        lambda x, c: c(F.interpolate(x, scale_factor=1.2, mode="bilinear")), nn.Conv2d(8, 8, 2)
    ),
    "bilinear_aligned": lambda: nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), nn.MaxPool2d(2)
    ),
    "nearest_to_a_size": lambda: Function(
        lambda x: F.interpolate(F.interpolate(x, size=(11, 5)), size=(8, 8))
    ),
    "bicubic": lambda: Function(
        lambda x: F.interpolate(F.interpolate(x, scale_factor=0.5, mode="bicubic"), size=(8, 8))
    ),
    "nearest": lambda: nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2)),
    "max_pool_function": lambda: Function(lambda x: F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 2, 1)),
    "relu_behind_pool": lambda: Function(lambda x: F.relu(F.max_pool2d(x, 3, 1, 1))),
    "relu_behind_average_pool": lambda: nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.ReLU()),
    "relu_of_what_is_added_too": lambda: Function(lambda x, c: x + c(F.relu(x)), _conv()),
    "average_pool": lambda: nn.AvgPool2d(3, 1, 1),
    "adaptive_pool": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Upsample(scale_factor=2)),
    "reflected": lambda: nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(8, 8, 3)),
    "replicated": lambda: nn.Sequential(nn.ReplicationPad2d(1), nn.Conv2d(8, 8, 3)),
    "padded_around": lambda: nn.Conv2d(8, 8, (1, 3), padding=(0, 1), padding_mode="circular"),
    "padded_with_one": lambda: Function(lambda x, c: c(F.pad(x, (1, 1, 1, 1), value=1.0)), _pad3()),
    "pool_by_its_kernel": lambda: Function(
        lambda x: F.interpolate(F.max_pool2d(x, 2) + F.avg_pool2d(x, 2), scale_factor=2)
    ),
    "padded_with_least": lambda: Function(
        lambda x: F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=float("-inf")), 2, 1)
    ),
    "pool_with_gaps": lambda: nn.Sequential(
        nn.MaxPool2d(3, 1, 1, dilation=(1, 2)), nn.Upsample((8, 8))
    ),
    "divided_sum": lambda: Function(lambda x: F.avg_pool2d(x, 3, 1, 1, divisor_override=5)),
    "dilated": lambda: nn.Conv2d(8, 8, 3, padding=2, dilation=2),
    "grouped": lambda: nn.Conv2d(8, 8, 3, padding=1, groups=4),
    "same_padding": lambda: nn.Conv2d(8, 8, (2, 3), padding="same"),
    "pools_of_rows": lambda: Function(
        lambda x: (F.max_pool1d(x.flatten(2), 3, 1, 1) + F.avg_pool1d(x.flatten(2), 3, 1, 1)).view(
            x.shape
        )
    ),
    "convolution_of_rows": lambda: Function(_along_rows, nn.Conv1d(8, 8, 3, padding=1)),
}

SHAPES: dict[str, Callable[[], nn.Module]] = {
    "split": lambda: Function(_split, _conv(4, 4), _conv(4, 4)),
    "shuffle": lambda: Function(_shuffled),
    "efficient_channel_attention": lambda: Function(
        _efficient_channel_attention, nn.Conv1d(1, 1, 3, padding=1, bias=False)
    ),
    "coordinate_attention": lambda: Function(_coordinate_attention, _conv()),
    "mean_of_channels": lambda: Function(lambda x: x * torch.sigmoid(x.mean(1, keepdim=True))),
    "largest_of_channels": lambda: Function(lambda x: x * torch.sigmoid(x.amax(1, keepdim=True))),
    "rolled": lambda: Function(lambda x: torch.roll(x, 1, 3)),
    "flipped": lambda: Function(lambda x: x.flip(2)),
    "sliced": lambda: Function(lambda x: torch.cat([x[:, 4:], x[:, :4]], 1)),
    "repeated": lambda: Function(lambda x: x + x[:, :1].repeat(1, 8, 1, 1)),
    "expanded": lambda: Function(lambda x: x + x.mean((2, 3), keepdim=True).expand_as(x)),
    "joined_ranges": lambda: Function(
        lambda x, c: c(torch.cat([F.relu6(x), x, torch.sigmoid(x)], 1)), _conv(24)
    ),
}

NORMS: dict[str, Callable[[], nn.Module]] = {
    "layer_norm": lambda: Function(_nhwc, nn.LayerNorm(8), nn.Linear(8, 8)),
    "group_norm": lambda: nn.GroupNorm(2, 8),
    "instance_norm": lambda: nn.InstanceNorm2d(8, affine=True),
    "softmax": lambda: Function(lambda x: x * torch.softmax(x, 1)),
    "attention": lambda: Function(_attention, _conv(outputs=24)),
    "branch_attention": lambda: Function(
        _branch_attention, _conv(), _conv(size=3), nn.Linear(8, 2)
    ),
    "normalized": lambda: Function(lambda x: F.normalize(x, dim=1)),
    "difference": lambda: Function(lambda x, c: x - c(x), _conv()),
    "quotient": lambda: Function(lambda x: x / (1 + x.abs())),
    "threshold": lambda: Function(lambda x: F.threshold(x, 0.2, 0.1)),
    "chosen": lambda: Function(lambda x: torch.where(x > 0.5, 0.5 * x, 0.25)),
    "lerp": lambda: Function(lambda x, c: torch.lerp(x, c(x), 0.3), _conv()),
    "maximum": lambda: Function(lambda x, c: torch.maximum(x, c(x)), _conv()),
    "layer_scale": lambda: Function(lambda x, c: x + c(x) * 0.3, _conv()),
}


def _pad3() -> nn.Conv2d:
    return nn.Conv2d(8, 8, 3)


class Chain(nn.Module):
    """A stem, the operators one behind the other with a layer between, and a head."""

    def __init__(self, *operators: Callable[[], nn.Module]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, CHANNELS, 3, stride=2, padding=1)
        self.operators = nn.ModuleList(make() for make in operators)
        self.layers = nn.ModuleList(_conv() for _ in operators)
        self.head = nn.Linear(CHANNELS, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for operator, layer in zip(self.operators, self.layers, strict=True):
            x = layer(operator(x))
        result: Tensor = self.head(x.mean((2, 3)))
        return result
