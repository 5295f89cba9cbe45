"""The optional steps behind calibration: each is tried, and kept only if the held-out KL falls.

Any fall counts. A step that does nothing may be kept by chance then, which costs nothing; asked to
fall beyond chance, a good one was left out that another had half anticipated.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from quantize.corrections.base import Context, Correction
from quantize.corrections.bias_correction import bias_corrector
from quantize.corrections.equalization import Equalization
from quantize.corrections.mixed_precision import FloatOperators
from quantize.corrections.output_ranges import OutputRanges
from quantize.corrections.reconstruction import Reconstruction
from quantize.corrections.unrounded import with_unrounded_biases
from quantize.grids.calibrate import ProgressCallback
from quantize.judging import Judge, geometric_mean
from quantize.program import Program, float_graph
from quantize.recipe import Recipe

CORRECTIONS: tuple[Correction, ...] = (
    Equalization(),
    OutputRanges(),
    FloatOperators(),
    Reconstruction(),
)
"""In the order of trial: what changes values, then ranges, which decide what is worst, then what
depends on all of them."""


def correct(
    program: Program, images: Tensor, recipe: Recipe, judge: Judge, progress: ProgressCallback
) -> Program:
    """Try the recipe's corrections in turn with the float32 ``images`` (N, 3, H, W) that
    calibrated; keep what helps.

    Bias correction comes first and again behind every other step but one that corrects biases
    itself: it repairs part of what they change, so without it the wrong ranges would win.
    """
    # The biases of a graph that takes one image at a time are left alone.
    wanted = recipe.corrections.bias and program.dynamic_batch
    finish = bias_corrector(program.graph, images) if wanted else None
    best = judge.log_divergence(program.module())
    found, kept, raw = {"ranges": geometric_mean(best)}, {}, program

    def tried(name: str, kl: Tensor) -> bool:
        found[name], kept[name] = geometric_mean(kl), bool(kl.mean() < best.mean())
        progress(name.replace("_", " "), 1.0)
        return kept[name]

    if finish is not None:
        progress("bias correction", 0.0)
        trial = finish(program)
        kl = judge.log_divergence(trial.module())
        if tried("bias_correction", kl):
            program, best = trial, kl
        else:
            finish = None

    def finished(program: Program) -> Program:
        return program if finish is None else finish(program)

    context = Context(
        images=images,
        recipe=recipe,
        batch=judge.batch,
        divergence=lambda program: judge.divergence(finished(program)),
        corrects_biases=finish is not None,
        progress=progress,
    )
    for step in CORRECTIONS:
        if not step.wanted(program, recipe):
            continue
        progress(step.name.replace("_", " "), 0.0)
        changed = step.apply(raw, context)
        if changed is raw:
            tried(step.name, best)
            continue
        trial = changed if step.corrects_biases else finished(changed)
        kl = judge.log_divergence(trial.module())
        if tried(step.name, kl):
            raw, program, best = changed, trial, kl
    if program.corrections:
        program = with_unrounded_biases(program, float_graph(program), images, judge.divergence)
    likeness = judge.likeness(program)
    summary = replace(
        program.summary,
        kept=kept,
        held_out_kl=found,
        sqnr_db=likeness.sqnr_db,
        agreement=likeness.agreement,
        alone=likeness.alone,
    )
    return replace(program, summary=summary)
