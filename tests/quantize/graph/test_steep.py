"""Values that are only read by functions that are steep near zero stay float."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quantize.graph.capture import capture
from quantize.graph.passes.surgery import aten, calls
from quantize.graph.plan import plan
from tests.export.small_exports import SmallExport
from tests.quantize.small_networks import SPEC


def _root_mean_square_norm(x: Tensor) -> Tensor:
    """Around the map the root is that of 1e-6, where a product's grid would hold nothing else."""
    y = F.pad(x, (2, 2, 2, 2))
    return y * torch.rsqrt((y * y).mean(1, keepdim=True) + 1e-6)


def _logarithm_of_a_gate(x: Tensor) -> Tensor:
    return torch.log(torch.sigmoid(3 * x - 4))


def _logarithm_of_a_nearly_closed_gate(x: Tensor) -> Tensor:
    return torch.log(torch.sigmoid(8 * x - 6) + 1e-6)


def _mean_of_inverses(x: Tensor) -> Tensor:
    return F.relu(x).square().mean((2, 3), keepdim=True).add(1e-3).reciprocal() * x


class Between(nn.Module):
    """A function of a map between two layers."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.stem, self.last = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.function(self.stem(x)))
        result: Tensor = self.head(y.mean((2, 3)))
        return result


@pytest.mark.parametrize(
    ("function", "least"),
    [
        # Between what it is and what it is with integers read: 32.5 and 21.0 dB, 43.6 and 27.2,
        # 42.3 and 14.6, 29.6 and 27.3.
        (_root_mean_square_norm, 27),
        (_logarithm_of_a_gate, 35),
        (_logarithm_of_a_nearly_closed_gate, 30),
        (_mean_of_inverses, 28.5),
    ],
)
def test_what_is_steep_near_zero_reads_floats(
    function: Callable[[Tensor], Tensor], least: float, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    assert SmallExport(Between(function), tmp_path, size=16).program_sqnr > least


def test_layers_and_what_others_read_too_stay_in_integers() -> None:
    def normalized(x: Tensor) -> Tensor:
        y = F.relu(x) + F.relu(-x)
        return y / torch.sqrt((y * y).mean(1, keepdim=True) + 1e-3) / 6

    graph = capture(Between(normalized), SPEC).graph
    chosen = plan(graph)
    assert len(chosen.weighted) == 3
    square = next(calls(graph, aten.mul.Tensor))
    assert chosen.owner(square.name) is None
    added = next(calls(graph, aten.add.Tensor))
    assert chosen.owner(added.name) is not None
