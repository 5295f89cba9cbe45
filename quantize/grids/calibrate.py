"""Finding the int8 grid of every observed value from calibration images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.graph.interpret import HookedInterpreter, image_batches
from quantize.graph.plan import FIXED, Plan
from quantize.grids.alignment import grid_of
from quantize.grids.histogram import Histogram, best_grid
from quantize.grids.joint_limits import joint_limits, makers
from quantize.qparams import QParams, from_range
from zoo.errors import InputError

ProgressCallback = Callable[[str, float], None]


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
    progress: ProgressCallback = silent,
    known: Mapping[str, QParams] = MappingProxyType({}),
    watch: Callable[[Node, Tensor], None] | None = None,
) -> dict[str, QParams]:
    """Grids by value name from float32 ``images`` (N, 3, H, W), in one pass over them.

    Those of values that are ``known`` are taken as they are. ``watch`` is shown every value.
    A grid's histogram is of all values on it, clipped to what those can be and their readers can
    tell apart (:mod:`quantize.grids.joint_limits`); the grid loses the least of it, or with
    ``minmax`` covers it.

    Raises:
        InputError: a value is not finite.
    """
    if not plan.observed:
        return {}
    nodes = {node.name: node for node in graph.graph.nodes}
    owners, bounds = makers(graph, plan), joint_limits(graph, plan)
    histograms = {name: Histogram(*bounds[name]) for name in plan.observed if name not in known}

    def see(node: Node, value: Tensor) -> Tensor:
        histogram = histograms.get(owners.get(node.name, ""))
        if histogram is not None:
            histogram.update(value)
        if watch is not None:
            watch(node, value)
        return value

    interpreter, seen = HookedInterpreter(graph, see), 0
    for part in image_batches(images, batch):
        interpreter.run(part)
        seen += len(part)
        progress("ranges", seen / len(images))
    return {
        name: grid_of(nodes[name], plan, _grid(name, histograms[name], method))
        if name in histograms
        else known[name]
        for name in plan.observed
    }


def _grid(name: str, histogram: Histogram, method: str) -> QParams:
    if not histogram.finite:
        raise InputError(
            f"{name}: the float network produces infinite or NaN values on the calibration "
            "images; check its weights and pre-processing"
        )
    if histogram.bounds in FIXED:
        return from_range(*histogram.bounds)
    return from_range(*histogram.extent) if method == "minmax" else best_grid(histogram)
