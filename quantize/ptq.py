"""Post-training quantization: a float network and calibration images to an int8 program."""

from __future__ import annotations

import copy
import time
from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.fx import GraphModule

from quantize.corrections.answers import Answers, find_answers
from quantize.corrections.bias_correction import evenly_spaced_images
from quantize.corrections.halfway import Halfway
from quantize.corrections.steps import Corrected, Halted, correct
from quantize.graph.capture import Captured, capture
from quantize.graph.interpret import batch_size
from quantize.graph.passes import INTEGER_FORMS, run
from quantize.graph.plan import plan
from quantize.grids.calibrate import ProgressCallback, calibrate, silent
from quantize.grids.kernel_bounds import within_kernels
from quantize.grids.silent_inputs import SilentInputs
from quantize.grids.weights import quantize_weights
from quantize.judging import Judge, judged
from quantize.program import Program, Summary
from quantize.qat.train import QatData, train
from quantize.recipe import Recipe
from quantize.split import split
from zoo.errors import InputError
from zoo.networks import Network


def quantize(
    network: Network,
    images: NDArray[np.float32],
    recipe: Recipe,
    progress: ProgressCallback = silent,
) -> Program:
    """Quantize ``network`` with ``images``, pre-processed float32 (N, 3, H, W); no labels needed.

    Raises:
        InputError: no images, too few to hold some out, or the network cannot be captured.
    """
    captured = capture(network.module, network.input_spec, network.interface)
    return quantize_captured(captured, network, images, recipe, progress)


def quantize_captured(
    captured: Captured,
    network: Network,
    images: NDArray[np.float32],
    recipe: Recipe,
    progress: ProgressCallback = silent,
    *,
    skipped: Collection[str] = (),
    halfway: Halfway | None = None,
) -> Program:
    """:func:`quantize` for a network that has been captured already.

    ``skipped`` names passes of ``quantize.graph.passes.INTEGER_FORMS`` to leave out. ``halfway`` is
    where this quantization may be halted, and goes on if it was.

    Raises:
        Unfinished: it is halted, and waits for the answer to a question in ``halfway``.
    """
    if len(images) == 0:
        raise InputError("calibration: no images; give a folder with at least a few hundred photos")
    began = time.monotonic()
    parts, everything = split(len(images), recipe.calibration), torch.from_numpy(images)
    calibration = everything[parts.calibration]
    held_out = everything[judged(parts.held_out, captured.interface)]
    judging = held_out if len(held_out) else judged(calibration, captured.interface)
    state: Corrected | None = None
    if halfway is not None and halfway.is_there:
        state, answers = halfway.load()
        program = state.raw
        judge = _judge(captured, judging, program.graph)
    else:
        program, judge, answers = _ranged(
            captured, network, calibration, judging, recipe, progress, skipped
        )
        summary = replace(program.summary, held_out_images=len(held_out))
        program = replace(program, summary=summary)
    if answers is not None:
        judge = replace(judge, grid=answers.grid)
    findings = None if halfway is None else halfway.findings()
    try:
        program = correct(
            program, calibration, recipe, judge, progress, state=state, findings=findings
        )
    except Halted as halted:
        assert halfway is not None and findings is not None
        if not halfway.is_there:
            halfway.save(halted.state, answers, calibration)
        halfway.keep_own(findings.figures(time.monotonic() - began))
        raise halted.unfinished from None
    if answers is not None:
        program = answers.clamped(program)
    if not recipe.corrections.distillation:
        return program
    learned = evenly_spaced_images(calibration, recipe.qat.images)
    return train(program, QatData(learned, judging), recipe.qat, progress=progress, method="ptq")


def _ranged(
    captured: Captured,
    network: Network,
    images: Tensor,
    judging: Tensor,
    recipe: Recipe,
    progress: ProgressCallback,
    skipped: Collection[str],
) -> tuple[Program, Judge, Answers | None]:
    """The program with int8 ranges by float32 ``images`` (N, 3, H, W) alone, what judges it by
    ``judging``, and the output that is clamped when all is done."""
    graph = copy.deepcopy(captured.graph)
    passes = run(graph, tuple(step for step in INTEGER_FORMS if step.__name__ not in skipped))
    chosen_plan = plan(graph)
    if recipe.ranges.activations == "float":
        chosen_plan = chosen_plan.weights_only()
    silent = SilentInputs(graph, chosen_plan)
    grids = calibrate(
        graph,
        chosen_plan,
        images,
        batch=batch_size(graph, captured.dynamic_batch),
        method=recipe.ranges.activations,
        progress=progress,
        watch=silent.see,
    )
    passes["clip_silent_weights"] = silent.clip(grids)
    judge = _judge(captured, judging, graph)
    answers = find_answers(graph, chosen_plan, grids, judge)
    if answers is not None:
        chosen_plan, grids = answers.in_float(chosen_plan), answers.left_out(grids)
    grids = within_kernels(graph, chosen_plan, grids)
    program = Program(
        graph=graph,
        plan=chosen_plan,
        activations=grids,
        weights=quantize_weights(graph, chosen_plan, grids, search=recipe.ranges.weights == "mse"),
        input_spec=network.input_spec,
        dynamic_batch=captured.dynamic_batch,
        summary=Summary(
            method="ptq",
            recipe=recipe.name,
            calibration_images=len(images),
            held_out_images=0,
            passes=passes,
        ),
        interface=captured.interface,
        network=network.name,
        labels=network.labels,
    )
    return program, judge, answers


def _judge(captured: Captured, images: Tensor, graph: GraphModule) -> Judge:
    """By the graph before its integer forms, so that what those do wrong is seen; ``graph`` has
    them."""
    batch = batch_size(graph, captured.dynamic_batch)
    return Judge.of(captured.graph, images, batch, captured.interface)
