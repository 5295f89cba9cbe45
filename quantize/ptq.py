"""Post-training quantization: a float network and calibration images to an int8 program."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.fx import GraphModule

from quantize import metrics
from quantize.bias_correction import bias_corrections, corrected
from quantize.calibrate import Progress, calibrate, silent
from quantize.capture import Captured, capture
from quantize.interpret import batch_size, image_batches
from quantize.passes import INTEGER_FORMS, run
from quantize.passes.surgery import tensor_of
from quantize.plan import Plan, plan
from quantize.program import Program, Summary, bias_of
from quantize.qparams import QParams, QuantizedWeight
from quantize.recipe import Recipe
from quantize.weights import quantize_weight
from zoo.errors import InputError
from zoo.networks import Network

#: Bias correction holds whole batches of two networks; more images than this gain nothing
#: measurable (96 photos: agreement 97.2 -> 98.4 % on EfficientNet-Lite0).
CORRECTION_IMAGES = 96


@dataclass(frozen=True)
class _Judge:
    """The held-out images and the float network's logits on them."""

    images: Tensor
    logits: Tensor
    batch: int

    def kl(self, program: Program) -> float:
        return metrics.kl_divergence(self.logits, run_reference(program, self.images, self.batch))


def quantize(
    network: Network,
    images: NDArray[np.float32],
    recipe: Recipe,
    progress: Progress = silent,
) -> Program:
    """Quantize ``network`` with ``images``, pre-processed float32 (N, 3, H, W); no labels needed.

    Raises:
        InputError: no images, too few to hold some out, or the network cannot be captured.
    """
    captured = capture(network.module, network.input_spec)
    return quantize_captured(captured, network, images, recipe, progress)


def quantize_captured(
    captured: Captured,
    network: Network,
    images: NDArray[np.float32],
    recipe: Recipe,
    progress: Progress = silent,
) -> Program:
    """:func:`quantize` for a network that has been captured already."""
    if len(images) == 0:
        raise InputError("calibration: no images; give a folder with at least a few hundred photos")
    taken = torch.from_numpy(images[: recipe.calibration.images])
    held = min(recipe.calibration.held_out, len(taken) // 4)
    # Every k-th image is held out, so that a folder sorted by class stays balanced.
    chosen = torch.zeros(len(taken), dtype=torch.bool)
    if held:
        chosen[torch.linspace(0, len(taken) - 1, held).long()] = True
    calibration, held_out = taken[~chosen], taken[chosen]

    graph = copy.deepcopy(captured.graph)
    passes = run(graph, INTEGER_FORMS)
    chosen_plan = plan(graph)
    batch = batch_size(graph, captured.dynamic_batch)
    grids = calibrate(
        graph,
        chosen_plan,
        calibration,
        batch=batch,
        method=recipe.ranges.activations,
        progress=progress,
    )
    program = Program(
        graph=graph,
        plan=chosen_plan,
        activations=grids,
        weights=_weights(graph, chosen_plan, grids, recipe),
        input_spec=network.input_spec,
        dynamic_batch=captured.dynamic_batch,
        summary=Summary(
            method=recipe.method,
            recipe=recipe.name,
            calibration_images=len(calibration),
            held_out_images=len(held_out),
            passes=passes,
        ),
    )
    judge = _judge(graph, held_out if len(held_out) else calibration, batch)
    return _corrected(program, calibration, judge, recipe, progress)


def _judge(graph: GraphModule, images: Tensor, batch: int) -> _Judge:
    with torch.no_grad():
        logits = [graph(part) for part in image_batches(images, batch)]
    return _Judge(images, torch.cat(logits), batch)


def _weights(
    graph: GraphModule, chosen: Plan, grids: dict[str, QParams], recipe: Recipe
) -> dict[str, QuantizedWeight]:
    found: dict[str, QuantizedWeight] = {}
    nodes = {node.name: node for node in graph.graph.nodes}
    for name in chosen.weighted:
        node = nodes[name]
        owner = chosen.owner(node.args[0].name)
        if owner is None:
            continue
        found[name] = quantize_weight(
            tensor_of(graph, node.args[1]),
            bias_of(graph, node),
            grids[owner].scale,
            search=recipe.ranges.weights == "mse",
        )
    return found


def _corrected(
    program: Program, calibration: Tensor, judge: _Judge, recipe: Recipe, progress: Progress
) -> Program:
    """Try the recipe's corrections in turn; keep each only if the held-out KL falls."""
    kl = {"ranges": judge.kl(program)}
    kept: dict[str, bool] = {}
    if recipe.corrections.bias and program.dynamic_batch:
        progress("bias correction", 0.0)
        count = min(CORRECTION_IMAGES, len(calibration))
        spread = torch.linspace(0, len(calibration) - 1, count).long()
        trial = replace(program, graph=copy.deepcopy(program.graph))
        corrected(trial, bias_corrections(program, calibration[spread]))
        kl["bias_correction"] = judge.kl(trial)
        kept["bias_correction"] = kl["bias_correction"] < kl["ranges"]
        if kept["bias_correction"]:
            program = trial
        progress("bias correction", 1.0)
    int8 = run_reference(program, judge.images, judge.batch)
    summary = replace(
        program.summary, kept=kept, held_out_kl=kl, sqnr_db=metrics.sqnr_db(judge.logits, int8)
    )
    return replace(program, summary=summary)


def run_reference(program: Program, images: Tensor, batch: int) -> Tensor:
    """Logits (N, classes) of the program's reference over ``images``, in batches."""
    reference = program.module()
    return torch.cat([reference(part) for part in image_batches(images, batch)])
