"""The optional steps behind calibration: each is tried, and kept only if the held-out KL falls.

Any fall counts. A step that does nothing may be kept by chance then, which costs nothing; asked to
fall beyond chance, a good one was left out that another had half anticipated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from quantize.analysis.findings import Findings, Unfinished
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
BIAS_CORRECTION = "bias_correction"


@dataclass(frozen=True)
class Corrected:
    """How far the corrections have come.

    ``raw`` has no corrected biases, ``program`` has them if they help, and ``best`` is its
    ``Judge.log_divergence``, (N,) float64. ``found`` and ``kept`` are those of the summary; the
    first ``steps`` of ``CORRECTIONS`` have been tried.
    """

    raw: Program
    program: Program
    best: Tensor
    found: dict[str, float]
    kept: dict[str, bool]
    steps: int = 0

    @property
    def corrects_biases(self) -> bool:
        """Whether bias correction helps."""
        return self.kept.get(BIAS_CORRECTION, False)

    def tried(self, name: str, raw: Program, program: Program, log_divergence: Tensor) -> Corrected:
        """This, or a step further where a step called ``name`` lowers the divergence by making
        those of it."""
        better = bool(log_divergence.mean() < self.best.mean())
        found = {**self.found, name: geometric_mean(log_divergence)}
        state = replace(self, found=found, kept={**self.kept, name: better})
        return replace(state, raw=raw, program=program, best=log_divergence) if better else state


class Halted(Exception):
    """Corrections end before a search that is ``unfinished``; ``state`` is where to go on."""

    def __init__(self, state: Corrected, unfinished: Unfinished) -> None:
        super().__init__(str(unfinished))
        self.state, self.unfinished = state, unfinished


def correct(
    program: Program,
    images: Tensor,
    recipe: Recipe,
    judge: Judge,
    progress: ProgressCallback,
    *,
    state: Corrected | None = None,
    findings: Findings | None = None,
) -> Program:
    """Try the recipe's corrections in turn with the float32 ``images`` (N, 3, H, W) that
    calibrated; keep what helps.

    Bias correction comes first and again behind every other step but one that corrects biases
    itself: it repairs part of what they change, so without it the wrong ranges would win.

    With ``findings`` a search may end; ``state`` is where it did, and what it has found since is in
    ``findings``.

    Raises:
        Halted: other processes find something out sooner.
    """
    # The biases of a graph that takes one image at a time are left alone.
    wanted = recipe.corrections.bias and program.dynamic_batch
    finish = bias_corrector(program.graph, images) if wanted else None
    if state is None:
        state = _started(program, judge, finish, progress)
    if not state.corrects_biases:
        finish = None

    def finished(program: Program) -> Program:
        return program if finish is None else finish(program)

    context = Context(
        images=images,
        recipe=recipe,
        batch=judge.batch,
        divergence=lambda program: judge.divergence(finished(program)),
        corrects_biases=state.corrects_biases,
        progress=progress,
        findings=findings,
    )
    for number, step in enumerate(CORRECTIONS[state.steps :], state.steps):
        state = replace(state, steps=number)
        if not step.wanted(state.program, recipe):
            continue
        progress(_title(step.name), 0.0)
        try:
            changed = step.apply(state.raw, context)
        except Unfinished as unfinished:
            raise Halted(state, unfinished) from unfinished
        if changed is state.raw:
            state = state.tried(step.name, changed, state.program, state.best)
        else:
            trial = changed if step.corrects_biases else finished(changed)
            kl = judge.log_divergence(trial.module())
            state = state.tried(step.name, changed, trial, kl)
        progress(_title(step.name), 1.0)
    program = state.program
    if program.corrections:
        program = with_unrounded_biases(program, float_graph(program), images, judge.divergence)
    likeness = judge.likeness(program)
    summary = replace(
        program.summary,
        kept=state.kept,
        held_out_kl=state.found,
        sqnr_db=likeness.sqnr_db,
        agreement=likeness.agreement,
        alone=likeness.alone,
    )
    return replace(program, summary=summary)


def _started(
    program: Program,
    judge: Judge,
    finish: Callable[[Program], Program] | None,
    progress: ProgressCallback,
) -> Corrected:
    """With biases corrected by ``finish`` if that helps."""
    best = judge.log_divergence(program.module())
    state = Corrected(program, program, best, {"ranges": geometric_mean(best)}, {})
    if finish is None:
        return state
    progress(_title(BIAS_CORRECTION), 0.0)
    trial = finish(program)
    state = state.tried(BIAS_CORRECTION, program, trial, judge.log_divergence(trial.module()))
    progress(_title(BIAS_CORRECTION), 1.0)
    return state


def _title(name: str) -> str:
    return name.replace("_", " ")
