"""Values that share a grid: it has to hold what every one of them may be."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from quantize.graph.passes.surgery import aten, calls
from quantize.program import Program
from quantize.ptq import quantize
from quantize.qat.grids import ActivationGrid
from quantize.qat.module import QatModule
from quantize.qparams import QParams
from quantize.recipe import load_recipe
from tests.quantize.small_networks import Activation, joined_ranges, noise_images

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


def _program(first: str, moved: str = "", *, swapped: bool = False) -> Program:
    network = joined_ranges(FIRST[first], MOVED[moved], swapped=swapped)
    return quantize(network, noise_images(64), load_recipe("ptq-fast"))


def _joined_grid(program: Program) -> QParams:
    (joined,) = calls(program.graph, aten.cat.default)
    grid = program.qparams(joined.name)
    assert grid is not None
    return grid


@pytest.mark.parametrize(
    ("first", "moved"),
    [*((first, "") for first in FIRST), *(("relu", moved) for moved in MOVED if moved)],
)
def test_a_joint_grid_holds_every_part_in_either_order(first: str, moved: str) -> None:
    """31 and 35 dB, as without ``first``; a joint grid clipped to its first part has 9 to 12."""
    programs = [_program(first, moved, swapped=swapped) for swapped in (False, True)]
    found = [program.summary.sqnr_db for program in programs]
    assert min(found) > 28, found
    assert max(_joined_grid(program).low for program in programs) < -1


def test_gates_that_are_joined_keep_their_exact_range() -> None:
    network = joined_ranges(torch.sigmoid, torch.sigmoid)
    grid = _joined_grid(quantize(network, noise_images(64), load_recipe("ptq-fast")))
    assert (grid.low, grid.high) == (0.0, pytest.approx(255 / 256))


def test_a_gate_joined_with_another_value_is_trained_like_that() -> None:
    program = _program("sigmoid")
    (owner,) = {program.plan.owner(n.name) for n in calls(program.graph, aten.cat.default)}
    assert "sigmoid" in str(owner)
    grid = QatModule(program).activations[str(owner)]
    assert isinstance(grid, ActivationGrid)
    assert grid.log_scale.requires_grad and grid.offset.requires_grad
