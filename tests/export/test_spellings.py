"""Ways to write a network that one format's converter or runtime has stumbled over, in all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.export.small_exports import SmallExport

FORMS = ("executorch", "torchscript", "onnx", "litert")


class ClassToken(nn.Module):
    """LiteRT's converter gave the token, of both signs, the grid of the map it is joined to."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 8, 8), nn.ReLU())
        self.token, self.places = (
            nn.Parameter(torch.randn(1, 1, 8)),
            nn.Parameter(torch.ones(17, 8)),
        )
        self.mix, self.head = nn.Linear(8, 8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.stem(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(x.shape[0], -1, -1), tokens], 1) + self.places
        return self.head(nn.functional.gelu(self.mix(tokens)))[:, 0]


class Coordinates(nn.Module):
    """LiteRT did not broadcast the coordinates once their layout had changed."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.last = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(8, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.stem(x))
        n, _, h, w = y.shape
        rows = torch.linspace(-1, 1, h).view(1, 1, h, 1).expand(n, 1, h, w)
        columns = torch.linspace(-1, 1, w).expand(n, 1, h, w)
        return self.last(torch.cat([y, rows, columns], 1)).mean((2, 3))


class ExpandedGate(nn.Module):
    """The same of a gate that is expanded to the map that it opens."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.gate = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 1)
        self.last = nn.Conv2d(8, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.stem(x))
        gate = self.gate(y.mean((2, 3), keepdim=True)).sigmoid()
        return self.last(y * gate.expand_as(y)).mean((2, 3))


class OneLayerOften(nn.Module):
    """onnxruntime refused a weight that several layers read where it makes weights uint8."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.part, self.head = (
            nn.Conv2d(3, 8, 3, 2, 1),
            nn.Conv2d(4, 4, 3),
            nn.Linear(8, 5),
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = torch.relu(self.stem(x)).chunk(2, 1)
        return self.head(torch.cat([self.part(part) for part in parts], 1).mean((2, 3)))


class NormsOfRowsAndFeatures(nn.Module):
    """XNNPACK lost the grids of batch norms that are of no map."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.rows = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv1d(16, 16, 3, padding=1)
        self.folded, self.pooled, self.neck = (nn.BatchNorm1d(16) for _ in range(3))
        self.head = nn.Linear(16, 5)
        for norm in (self.folded, self.pooled, self.neck):
            nn.init.uniform_(norm.running_mean, -1, 1)
            nn.init.uniform_(norm.running_var, 0.5, 2)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.folded(self.rows(self.stem(x).flatten(2)))
        rows = self.pooled(nn.functional.max_pool1d(torch.relu(rows), 2))
        return self.head(self.neck(rows.mean(2)))


class NothingAdded(nn.Module):
    """LiteRT's converter left out a sum with zero, and lost the change of grid that it was."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(3, 8, 1, 2)
        self.last, self.head = nn.Conv2d(8, 8, 3, 2, 1), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = 0 + self.one(x)
        y += self.other(x)
        y = self.last(torch.relu(y + 0)) * 1.0
        return self.head(y.mean((2, 3)))


@pytest.mark.parametrize(
    "module",
    [ClassToken, Coordinates, ExpandedGate, OneLayerOften, NormsOfRowsAndFeatures, NothingAdded],
)
def test_every_format_computes_what_the_program_does(
    module: type[nn.Module], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    small = SmallExport(module(), tmp_path)
    assert small.program_sqnr > 25
    # LiteRT's addition and GELU round once more: 34 dB.
    assert {form: small.sqnr(form) > 28 for form in FORMS} == dict.fromkeys(FORMS, True)
