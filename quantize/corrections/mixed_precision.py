"""Mixed precision as a correction: the operators that int8 hurts most stay in float."""

from __future__ import annotations

from quantize.analysis.mixed_precision import RANKING_IMAGES, mixed_precision
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
        """``program`` with operators in float where that pays."""
        some = evenly_spaced_images(context.images, CORRECTION_IMAGES)
        quick = bias_corrector(program.graph, some, RANKING_IMAGES)
        return mixed_precision(
            program,
            some,
            context.divergence,
            context.recipe.mixed_precision,
            context.progress,
            finish=quick if context.corrects_biases else None,
        )
