"""Least squares and rounding that know what a layer reads, for groups of output channels.

A layer's output error over inputs X (rows, k), for a change D (k, out) of its weight, is
|X D - R|^2 = D' A D - 2 D' B + const with A = X' X and B = X' R, R the error to take up. Both are
sums over rows, so images can be added up in parts. All arrays have a leading dimension: the groups
of a convolution, 1 for a dense one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from quantize.qparams import WEIGHT_MAX

#: Ridge penalties tried, as multiples of the mean of A's diagonal: from none worth the name to one
#: that leaves only the strongest directions.
PENALTIES = (0.03, 0.3, 3.0)
#: Columns that are rounded before the columns behind them take up the error, for speed alone.
BLOCK = 64


@dataclass(frozen=True)
class Equations:
    """A (groups, k, k) and B (groups, k, out), float64."""

    gram: Tensor
    cross: Tensor

    def __add__(self, other: Equations) -> Equations:
        return Equations(self.gram + other.gram, self.cross + other.cross)

    def ridge(self, penalty: float) -> Tensor:
        """A + penalty * mean(diag A) * I, (groups, k, k); penalty * I where A is zero."""
        diagonal = self.gram.diagonal(dim1=1, dim2=2)
        mean = diagonal.mean(1)
        size = penalty * torch.where(mean > 0, mean, 1.0)
        return self.gram + torch.diag_embed(size[:, None].expand_as(diagonal))

    def solve(self, penalty: float) -> Tensor:
        """The change (groups, k, out) with the least squared error and penalty."""
        return torch.cholesky_solve(self.cross, torch.linalg.cholesky(self.ridge(penalty)))

    def error(self, change: Tensor) -> float:
        """Squared error of a ``change`` (groups, k, out), less that of no change."""
        return float(((self.gram @ change - 2 * self.cross) * change).sum())


def equations(inputs: Tensor, errors: Tensor) -> Equations:
    """Those of ``inputs`` (groups, rows, k) and ``errors`` (groups, rows, out), float32."""
    transposed = inputs.transpose(1, 2)
    return Equations((transposed @ inputs).double(), (transposed @ errors).double())


def best_penalty(halves: tuple[Equations, Equations]) -> float | None:
    """The best of :data:`PENALTIES` by cross-validation.

    What is solved on one half is judged on the other, which has other images; None where no
    change beats none there.
    """
    first, second = halves
    best, chosen = 0.0, None
    for penalty in PENALTIES:
        found = second.error(first.solve(penalty)) + first.error(second.solve(penalty))
        if found < best:
            best, chosen = found, penalty
    return chosen


def round_to_grids(weight: Tensor, hessian: Tensor, scale: Tensor) -> Tensor:
    """Integers q (groups, out, k) in [-127, 127] with a small error (q s - w)' H (q s - w).

    Columns are rounded in turn, those that matter most first, and the columns that are left take
    up the error (GPTQ, arXiv:2210.17323, section 3). ``weight`` (groups, out, k), ``hessian``
    (groups, k, k) positive definite, and ``scale`` (groups, out) are float64.
    """
    groups, out, size = weight.shape
    order = hessian.diagonal(dim1=1, dim2=2).argsort(1, descending=True)
    columns = order[:, None].expand(groups, out, size)
    square = order[:, None].expand(groups, size, size)
    weight = weight.gather(2, columns)
    hessian = hessian.gather(1, order[:, :, None].expand(groups, size, size)).gather(2, square)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(hessian))
    factor = torch.linalg.cholesky(inverse, upper=True)
    rounded = torch.empty_like(weight)
    for start in range(0, size, BLOCK):
        end = min(start + BLOCK, size)
        block = weight[:, :, start:end]
        steps = torch.empty_like(block)
        for i in range(end - start):
            row = factor[:, start + i, start:end]
            q = (block[:, :, i] / scale).round_().clamp_(-WEIGHT_MAX, WEIGHT_MAX)
            rounded[:, :, start + i] = q
            steps[:, :, i] = (block[:, :, i] - q * scale) / row[:, i, None]
            block[:, :, i + 1 :] -= steps[:, :, i, None] * row[:, None, i + 1 :]
        weight[:, :, end:] -= steps @ factor[:, start:end, end:]
    return torch.empty_like(rounded).scatter_(2, columns, rounded)
