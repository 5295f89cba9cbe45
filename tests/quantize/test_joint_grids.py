"""Values that share a grid: it has to hold what every one of them may be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from quantize.program import Program
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from tests.quantize.small_networks import SPEC, noise_images, randomize
from zoo.networks import Network, Weights

Activation = Callable[[Tensor], Tensor]
FIRST: dict[str, Activation] = {
    "relu": torch.relu,
    "relu6": nn.functional.relu6,
    "clamp": lambda x: x.clamp(-0.5, 0.5),
    "hard-swish": nn.functional.hardswish,
    "hard-sigmoid": nn.functional.hardsigmoid,
    "sigmoid": torch.sigmoid,
    "silu": nn.functional.silu,
}
#: How a part comes to be joined: as it is, or moved.
MOVED: dict[str, Activation] = {
    "": lambda x: x,
    "slice": lambda x: x[:, :5],
    "max-pool": lambda x: nn.functional.max_pool2d(x, 3, 1, 1),
    "pad": lambda x: nn.functional.pad(x, (0, 0, 0, 0, 0, 3)),
    "permute": lambda x: x.permute(0, 1, 3, 2),
}


class Joined(nn.Module):
    """Two convolutions of one input, joined: one behind ``first``, one twice as wide in range."""

    def __init__(self, first: Activation, moved: Activation, *, swapped: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.moved, self.swapped = first, moved, swapped
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.a, self.b = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        with torch.no_grad():
            self.b.weight.mul_(4)
        self.mix = nn.LazyConv2d(16, 1)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        parts = [self.first(self.a(x)), self.moved(self.b(x))]
        joined = torch.cat(parts[::-1] if self.swapped else parts, 1)
        return self.head(torch.relu(self.mix(joined)).mean((2, 3)))


def _program(module: nn.Module) -> Program:
    module(torch.zeros(1, *SPEC.shape[1:]))
    network = Network("joined", randomize(module), SPEC, (), 5, "user", Weights("random", seed=0))
    return quantize(network, noise_images(64), load_recipe("ptq-fast"))


@pytest.mark.parametrize(
    ("first", "moved"),
    [*((first, "") for first in FIRST), *(("relu", moved) for moved in MOVED if moved)],
)
def test_a_joint_grid_holds_every_part_in_either_order(first: str, moved: str) -> None:
    """31 and 35 dB, as without ``first``; a joint grid clipped to its first part has 9 to 12."""
    programs = [
        _program(Joined(FIRST[first], MOVED[moved], swapped=swapped)) for swapped in (False, True)
    ]
    found = [program.summary.sqnr_db for program in programs]
    assert min(found) > 28, found
    for program in programs:
        (joined,) = [n.name for n in program.graph.graph.nodes if "cat" in n.name]
        grid = program.qparams(joined)
        assert grid is not None and grid.low < -1


def test_gates_that_are_joined_keep_their_exact_range() -> None:
    module = Joined(torch.sigmoid, torch.sigmoid, swapped=False)
    program = _program(module)
    (joined,) = [n.name for n in program.graph.graph.nodes if "cat" in n.name]
    grid = program.qparams(joined)
    assert grid is not None and (grid.low, grid.high) == (0.0, pytest.approx(1.0))
