"""Finding the int8 grid of every observed value from calibration images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.alignment import grid_of
from quantize.histogram import Extent, Histogram, best_grid
from quantize.interpret import HookedInterpreter, image_batches
from quantize.passes.surgery import aten, calls
from quantize.plan import Plan, limits
from quantize.qparams import QParams, from_range
from zoo.errors import InputError

Progress = Callable[[str, float], None]


def silent(step: str, done: float) -> None:
    """A progress callback that says nothing."""


@torch.no_grad()
def calibrate(
    graph: GraphModule,
    plan: Plan,
    images: Tensor,
    *,
    batch: int,
    method: str = "mse",
    progress: Progress = silent,
) -> dict[str, QParams]:
    """Grids by value name from float32 ``images`` (N, 3, H, W), in two passes over them.

    The first pass finds each value's extent, clipped to what its readers can tell apart
    (:func:`quantize.plan.limits`); the second counts a histogram over it.

    Raises:
        InputError: a value is not finite.
    """
    if not plan.observed:
        return {}
    observed = set(plan.observed)
    owners = {name: name for name in plan.observed} | plan.shared
    # Moves carry their owner's values along; only cat joins different ones, so it alone is seen.
    joined = {node.name for node in calls(graph, aten.cat.default)}
    watched = observed | (joined & set(plan.shared))
    nodes = {node.name: node for node in graph.graph.nodes}
    bounds = {name: limits(node) for name, node in nodes.items()}
    extents = {name: Extent() for name in plan.observed}

    def see_extent(node: Node, value: Tensor) -> Tensor:
        if node.name in watched:
            extents[owners[node.name]].update(value)
        return value

    _sweep(graph, see_extent, images, batch, "extents", progress)
    histograms: dict[str, Histogram] = {}
    grids: dict[str, QParams] = {}
    for name, extent in extents.items():
        low, high = max(extent.low, bounds[name][0]), min(extent.high, bounds[name][1])
        if not (abs(extent.low) < float("inf") and abs(extent.high) < float("inf")):
            raise InputError(
                f"{name}: the float network produces infinite or NaN values on the calibration "
                "images; check its weights and pre-processing"
            )
        if bounds[name] == (0.0, 1.0):
            low, high = 0.0, 1.0
        high = max(low, high)
        if method == "minmax" or bounds[name] == (0.0, 1.0):
            grids[name] = from_range(low, high)
        else:
            histograms[name] = Histogram(low, high)

    def see_histogram(node: Node, value: Tensor) -> Tensor:
        if node.name in watched and owners[node.name] in histograms:
            histograms[owners[node.name]].update(value)
        return value

    if histograms:
        _sweep(graph, see_histogram, images, batch, "histograms", progress)
    grids |= {name: best_grid(histogram) for name, histogram in histograms.items()}
    return {name: grid_of(nodes[name], plan, grids[name]) for name in plan.observed}


def _sweep(
    graph: GraphModule,
    hook: Callable[[Node, Tensor], Tensor],
    images: Tensor,
    batch: int,
    step: str,
    progress: Progress,
) -> None:
    interpreter = HookedInterpreter(graph, hook)
    seen = 0
    for part in image_batches(images, batch):
        interpreter.run(part)
        seen += len(part)
        progress(step, seen / len(images))
