"""Grids of hard-swish's inputs that begin at -3 and hold 0 and 3 in whole steps.

On such a grid x + 3 is x's own integers under another zero point, so that a runtime without an
integer hard-swish needs no addition and rounds nothing that hard-swish itself would not
(:mod:`quantize.forms.hard_swish`). Ranges are aligned when they are found, for every backend alike:
aligned at export, they would differ from those that biases were corrected for.
"""

from __future__ import annotations

import torch
from torch.fx import Node

from quantize.graph.passes.surgery import aten, is_call
from quantize.graph.plan import Plan
from quantize.qparams import QMAX, QMIN, QParams

GATE = 3.0
#: How much coarser a grid may become by that.
COARSER = 1.1


def grid_of(node: Node, plan: Plan, grid: QParams) -> QParams:
    """``grid``, aligned if it is that of a value which hard-swish alone reads."""
    if node.name in plan.shared.values() or not read_by_hard_swish(node):
        return grid
    return aligned(grid)


def read_by_hard_swish(node: Node) -> bool:
    """Whether hard-swish is all that reads ``node``."""
    return bool(node.users) and all(is_call(user, aten.hardswish.default) for user in node.users)


def aligned(grid: QParams) -> QParams:
    """The finest grid from -3 in whole steps that covers ``grid``'s upper end; ``grid`` itself
    where that would be more than :data:`COARSER` times as coarse."""
    # Not a step more than fit into the grid's width, so that its upper end stays covered.
    steps = int(GATE * (QMAX - QMIN) / (grid.high + GATE) + 1e-4)
    if steps == 0 or GATE / steps > COARSER * grid.scale:
        return grid
    return with_steps(steps)


def with_steps(steps: int) -> QParams:
    """The aligned grid with so many steps, 1..255, between -3 and 0."""
    return QParams(float(torch.tensor(GATE / steps).float()), QMIN + steps)


def nearest(scale: float) -> QParams:
    """The aligned grid of the scale nearest to ``scale``; of the finest for what is no number."""
    finest = GATE / (QMAX - QMIN)
    return with_steps(round(GATE / min(GATE, max(finest, scale))))


def is_aligned(grid: QParams) -> bool:
    """Whether ``grid`` begins at -3 and holds 0 and 3."""
    steps = GATE / grid.scale
    return grid.zero_point - QMIN == round(steps) and abs(steps - round(steps)) < 1e-3
