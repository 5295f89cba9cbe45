"""What every correction offers, and what it works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor

from quantize.analysis.findings import Findings
from quantize.grids.calibrate import ProgressCallback
from quantize.grids.kernel_bounds import within_kernels
from quantize.grids.weights import quantize_weights
from quantize.program import Program
from quantize.qparams import QParams
from quantize.recipe import Recipe


@dataclass(frozen=True)
class Context:
    """What a correction works with.

    ``images``, float32 (N, 3, H, W), are those that calibrated, ``batch`` how many to run at once.
    ``divergence`` judges a program as it would end up, in nats of the held-out images: with biases
    corrected if ``corrects_biases``. ``findings`` are those of a search in this program that ended
    unfinished, None for a search that cannot.
    """

    images: Tensor
    recipe: Recipe
    batch: int
    divergence: Callable[[Program], float]
    corrects_biases: bool
    progress: ProgressCallback
    findings: Findings | None = None


class Correction(Protocol):
    """A step behind calibration that may make up for rounding."""

    @property
    def name(self) -> str:
        """What the summary calls it."""

    @property
    def corrects_biases(self) -> bool:
        """Whether biases have been corrected already in what :meth:`apply` returns."""

    def wanted(self, program: Program, recipe: Recipe) -> bool:
        """Whether ``recipe`` asks for it, and ``program`` has something for it to change."""

    def apply(self, program: Program, context: Context) -> Program:
        """A changed copy of ``program``, whose biases have not been corrected; ``program`` itself
        where nothing would change."""


def with_grids(program: Program, grids: dict[str, QParams], recipe: Recipe) -> Program:
    """``program`` with other ``grids`` of its values, as far as kernels can compute with them, and
    weights quantized for those."""
    grids = within_kernels(program.graph, program.plan, grids)
    search = recipe.ranges.weights == "mse"
    weights = quantize_weights(program.graph, program.plan, grids, search=search)
    return replace(program, activations=grids, weights=weights)
