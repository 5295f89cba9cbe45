"""The grid of an activation, trained."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.fx import Node

from quantize.graph.passes.activations import clamp_bounds
from quantize.graph.passes.surgery import aten, is_call
from quantize.graph.plan import saturates
from quantize.grids.alignment import is_aligned, nearest, read_by_hard_swish
from quantize.qat.rounding import at_most, round_activation
from quantize.qparams import QMAX, QMIN, SMALLEST_SCALE, QParams


class ActivationGrid(nn.Module):
    """A value's grid: scale = start * exp(log_scale), zero point = start + offset.

    The exponential keeps the scale positive, and a start of 0 keeps it exact. The grid of a
    ``gate``, which is [0, 1], is not trained; nor is the zero point of a value that has one sign.
    Where a clamp is the saturation of its grid (:func:`quantize.graph.plan.saturates`), the scale
    stays small enough for that. An aligned grid (:mod:`quantize.grids.alignment`) stays aligned:
    its scale is the nearest that is, with the gradient of the one that is trained.
    """

    start_scale: Tensor

    def __init__(self, grid: QParams, node: Node, *, gate: bool = False) -> None:
        super().__init__()
        self.register_buffer("start_scale", torch.tensor(grid.scale, dtype=torch.float32))
        self.start_zero_point = grid.zero_point
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.offset = nn.Parameter(torch.zeros(()))
        self.is_gate = gate
        self.one_sided = grid.zero_point in (QMIN, QMAX)
        self.aligned = read_by_hard_swish(node) and is_aligned(grid)
        self.low, self.high = -math.inf, math.inf
        if is_call(node, aten.relu.default, aten.hardtanh.default) and saturates(node, grid):
            relu = is_call(node, aten.relu.default)
            low, high = (0.0, math.inf) if relu else clamp_bounds(node)
            # A grid may start a rounding error beyond its clamp.
            self.low, self.high = min(low, grid.low), max(high, grid.high)
        self.train_grid(True)

    def train_grid(self, trained: bool) -> None:
        """Whether the grid takes part in training, as far as it can."""
        self.log_scale.requires_grad_(trained and not self.is_gate)
        free = not (self.is_gate or self.one_sided or self.aligned)
        self.offset.requires_grad_(trained and free)

    def zero_point(self) -> Tensor:
        """The zero point before rounding, a float32 scalar in [-128, 127]."""
        if self.aligned:
            return torch.tensor(float(nearest(float(self._trained_scale().detach())).zero_point))
        return (self.start_zero_point + self.offset).clamp(QMIN, QMAX)

    def scale(self) -> Tensor:
        """The scale, a float32 scalar."""
        scale = self._trained_scale()
        if self.aligned:
            # The value of the aligned scale, the gradient of the trained one.
            return scale + (nearest(float(scale.detach())).scale - scale).detach()
        zero_point = round(float(self.zero_point().detach()))
        most = math.inf
        if zero_point < QMAX:
            most = self.high / (QMAX - zero_point)
        if zero_point > QMIN:
            most = min(most, self.low / (QMIN - zero_point))
        return at_most(scale, most).clamp(min=SMALLEST_SCALE)

    def _trained_scale(self) -> Tensor:
        return self.start_scale * self.log_scale.exp()

    def forward(self, x: Tensor) -> Tensor:
        """Round ``x`` (float32, batch first) to the grid."""
        return round_activation(x, self.scale(), self.zero_point())

    @torch.no_grad()
    def qparams(self) -> QParams:
        """The grid as it is now."""
        return QParams(float(self.scale()), round(float(self.zero_point())))
