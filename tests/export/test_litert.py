"""What LiteRT's converter makes of a program's constants."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from tests.export.small_exports import SmallExport


class EvenBias(nn.Module):
    """A layer with one bias for all channels, whose weights have unlike scales."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.even = nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 4, 3)
        with torch.no_grad():
            self.even.weight *= torch.tensor([1.0, 5.0, 0.2, 2.0]).reshape(4, 1, 1, 1)
            self.even.bias.fill_(0.5)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.even(torch.relu(self.first(x))).mean((2, 3))
        return result


def test_a_bias_of_one_value_keeps_each_channel_s_scale(tmp_path: Path) -> None:
    assert SmallExport(EvenBias(), tmp_path).sqnr("litert") > 30


def test_a_clamp_of_an_int8_value_changes_its_grid(tmp_path: Path) -> None:
    torch.manual_seed(0)
    pooled = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.MaxPool2d(3, 2),
        nn.ReLU(),
        nn.Conv2d(8, 4, 3),
        nn.Flatten(),
    )
    assert SmallExport(pooled, tmp_path).sqnr("litert") > 24


class Corners(nn.Module):
    """The last two rows and columns of transposed convolutions of one map."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 4, 3, stride=2)
        self.enlarge = nn.ModuleList(
            [
                nn.ConvTranspose2d(4, 4, 3, 2, 1, output_padding=1),
                nn.ConvTranspose2d(4, 4, 5, 3, 2, output_padding=(2, 1), groups=2),
                nn.ConvTranspose2d(4, 4, 2, 2, output_padding=1),  # Its last row is the bias alone.
                nn.ConvTranspose2d(4, 4, 4, 3, 1),
                nn.ConvTranspose2d(4, 4, 4, 2, 1),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        return torch.cat([part(x)[:, :, -2:, -2:].flatten(1) for part in self.enlarge], 1)


def test_transposed_convolutions_reach_the_edge(tmp_path: Path) -> None:
    small = SmallExport(Corners(), tmp_path, size=16)
    assert small.sqnr("litert", "fp32") > 80
    assert small.sqnr("litert") > 40
