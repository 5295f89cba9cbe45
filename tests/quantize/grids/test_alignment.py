"""Grids of hard-swish's inputs that hold -3, 0 and 3."""

from __future__ import annotations

import pytest
import torch

from quantize.graph.passes.surgery import aten, calls
from quantize.grids.alignment import COARSER, aligned, grid_of, is_aligned, nearest, with_steps
from quantize.program import Program
from quantize.qat.grids import ActivationGrid
from quantize.qparams import QMIN, from_range


@pytest.mark.parametrize("high", [2.0, 3.0, 9.7, 20.0, 73.0])
def test_aligned_grids_hold_minus_3_0_and_3(high: float) -> None:
    grid = aligned(from_range(-3.0, high))
    assert is_aligned(grid)
    steps = grid.zero_point - QMIN
    assert grid.scale == pytest.approx(3.0 / steps, rel=1e-6)
    assert grid.low == pytest.approx(-3.0, rel=1e-6)
    # The upper end stays covered, by no more steps than that takes.
    assert grid.high >= high - 1e-4
    finer = with_steps(steps + 1)
    assert finer.high < high - 1e-4
    assert torch.equal(grid.fake_quantize(torch.tensor([-3.0, 0.0])), torch.tensor([-3.0, 0.0]))


def test_a_grid_that_would_lose_precision_stays() -> None:
    # -3 is far outside of the first; the second would have 3 steps of 1.0 instead of 0.76.
    for grid in (from_range(-0.1, 0.1), from_range(-3.0, 190.0)):
        assert aligned(grid) == grid
        assert not is_aligned(grid)
    kept = aligned(from_range(-2.9, 9.0))
    assert is_aligned(kept) and kept.scale <= COARSER * from_range(-2.9, 9.0).scale


def test_every_grid_that_hard_swish_alone_reads_is_aligned(program: Program) -> None:
    read = [swish.args[0] for swish in calls(program.graph, aten.hardswish.default)]
    assert read
    grids = [program.activations[node.name] for node in read]
    assert all(aligned(grid) == grid for grid in grids)
    assert any(is_aligned(grid) for grid in grids)
    other = next(iter(calls(program.graph, aten.hardswish.default)))
    assert grid_of(other, program.plan, from_range(-3, 5)) == from_range(-3, 5)


def test_training_keeps_a_grid_aligned(program: Program) -> None:
    node = next(
        swish.args[0]
        for swish in calls(program.graph, aten.hardswish.default)
        if is_aligned(program.activations[swish.args[0].name])
    )
    start = program.activations[node.name]
    grid = ActivationGrid(start, node)
    assert grid.qparams() == start
    assert not grid.offset.requires_grad
    with torch.no_grad():
        grid.log_scale.fill_(0.1)
    trained = grid.qparams()
    assert is_aligned(trained)
    assert trained == nearest(start.scale * torch.tensor(0.1).exp().item())
    # The gradient is that of a scale which is free.
    grid.scale().backward()
    assert grid.log_scale.grad is not None
    assert float(grid.log_scale.grad) == pytest.approx(start.scale * 1.10517, rel=1e-4)
