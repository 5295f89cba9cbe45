"""Mixed precision as a correction: the operators that int8 hurts most stay in float."""

from __future__ import annotations

from torch import Tensor

from quantize.analysis.mixed_precision import RANKING_IMAGES, Trials, mixed_precision
from quantize.corrections.base import Context
from quantize.corrections.bias_correction import (
    CORRECTION_IMAGES,
    bias_corrector,
    evenly_spaced_images,
)
from quantize.program import Program
from quantize.recipe import Recipe


class FloatOperators:
    """:func:`quantize.analysis.mixed_precision.mixed_precision`."""

    name = "mixed_precision"
    corrects_biases = False

    def wanted(self, program: Program, recipe: Recipe) -> bool:
        """Whether ``recipe`` allows any operator in float."""
        return recipe.mixed_precision.max_operators > 0

    def apply(self, program: Program, context: Context) -> Program:
        """``program`` with operators in float where that pays.

        Raises:
            Unfinished: by ``context.findings``, other processes find something out sooner.
        """
        return mixed_precision(
            trials_of(program, choosing_images(context.images), context.corrects_biases),
            context.divergence,
            context.recipe.mixed_precision,
            context.progress,
            findings=context.findings,
        )


def choosing_images(images: Tensor) -> Tensor:
    """Those of calibration's ``images`` (N, 3, H, W) that choose operators."""
    return evenly_spaced_images(images, CORRECTION_IMAGES)


def trials_of(program: Program, images: Tensor, corrects_biases: bool) -> Trials:
    """The questions of a search in ``program`` by ``choosing_images``."""
    quick = bias_corrector(program.graph, images, RANKING_IMAGES)
    return Trials(program, images, quick if corrects_biases else None)
