"""Ranges chosen by the error they cause at the outputs.

A tensor's own squared error (:mod:`quantize.grids.histogram`) cannot know that its largest values
sit in a channel that later layers ignore, nor that a rare one decides the class. To first order a
grid's rounding error d of a value changes the outputs by J d, J the float network's Jacobian. For r
of random signs, E[(r . J d)^2] = |J d|^2 (Hutchinson 1990), and r J is one backward pass, which
serves every value and every candidate grid at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.corrections.base import Context, with_grids
from quantize.corrections.bias_correction import evenly_spaced_images
from quantize.graph.interpret import HookedInterpreter, image_batches, in_order, value_bytes
from quantize.graph.plan import FIXED, Plan, limits
from quantize.grids.alignment import grid_of
from quantize.grids.calibrate import ProgressCallback, silent
from quantize.grids.joint_limits import makers
from quantize.program import Program
from quantize.qparams import QParams, from_range
from quantize.recipe import Recipe

#: What an end of a range is multiplied by; errors are flat around the best, so steps are coarse.
FACTORS = (0.2, 0.26, 0.34, 0.44, 0.55, 0.66, 0.78, 0.89, 1.0, 1.15, 1.35, 1.6)
PROJECTIONS = 2
#: Of those that calibrated.
RANGE_IMAGES = 48
#: Candidates that are still tried on the rest of the images, once some have told the others apart.
FINALISTS = 4
FIRST_SHARE = 1 / 3
#: Values, gradients and candidates' errors are held at once.
BUDGET_BYTES = 1_000_000_000
COPIES = 5
LARGEST_BATCH = 8


class OutputRanges:
    """Grids of values chosen by the error at the logits."""

    name = "output_ranges"
    corrects_biases = False

    def wanted(self, program: Program, recipe: Recipe) -> bool:
        """Whether ``recipe`` asks for it, and values have grids."""
        return recipe.corrections.ranges and bool(program.activations)

    def apply(self, program: Program, context: Context) -> Program:
        """``program`` with the grids of :func:`search_ranges`."""
        some = evenly_spaced_images(context.images, RANGE_IMAGES)
        return with_grids(program, search_ranges(program, some, context.progress), context.recipe)


def search_ranges(
    program: Program, images: Tensor, progress: ProgressCallback = silent
) -> dict[str, QParams]:
    """The grids of ``program`` that change the outputs least on float32 ``images`` (N, 3, H, W).

    First each grid's upper end, then its lower one. What a bias could take up is not counted, since
    bias correction follows.
    """
    nodes = {node.name: node for node in program.graph.graph.nodes}
    # A joined value's error is also that of the values it is joined with.
    made = Counter(makers(program.graph, program.plan).values())
    grids = dict(program.activations)
    free = [n for n in grids if made[n] == 1 and limits(nodes[n], program.plan) not in FIXED]
    for sweep, end in enumerate(("high", "low")):
        candidates = {}
        for name in free:
            found = _candidates(grids[name], nodes[name], program.plan, end)
            if len(found) > 1:
                candidates[name] = _Contest(found)
        for done in _try_on(program, candidates, images):
            progress("ranges by output error", (sweep + done) / 2)
        grids |= {name: contest.best() for name, contest in candidates.items()}
    return grids


def _candidates(grid: QParams, node: Node, plan: Plan, end: str) -> list[QParams]:
    """The grid of ``node`` itself, and those with one end moved within what its readers can tell
    apart; not if it matters little."""
    high, bounds = end == "high", limits(node, plan)
    if min(abs(grid.low), abs(grid.high)) < 0.1 * grid.scale * 255 and high == (
        abs(grid.high) < abs(grid.low)
    ):
        return [grid]
    found = [grid]
    for factor in FACTORS:
        low = grid.low if high else max(grid.low * factor, bounds[0])
        top = min(grid.high * factor, bounds[1]) if high else grid.high
        candidate = grid_of(node, plan, from_range(low, top))
        if candidate not in found:
            found.append(candidate)
    return found


class _Contest:
    """Candidate grids of one value, and the errors that they have caused so far."""

    def __init__(self, grids: list[QParams]) -> None:
        self._grids = grids
        self._gains: list[Tensor] = []
        self._errors: list[Tensor] = []

    def see(self, value: Tensor, slopes: list[Tensor]) -> None:
        """Try all on more images; ``value`` and ``slopes`` as :func:`_rows`."""
        self._gains.append(torch.stack([slope.sum(1) for slope in slopes]))
        self._errors.append(_trials(self._grids, value, slopes))

    def best(self) -> QParams:
        """The one that changes the outputs least."""
        return self._grids[self._order()[0]]

    def reduce(self, count: int) -> None:
        """Go on with the ``count`` best alone."""
        order = self._order()[:count]
        self._grids = [self._grids[index] for index in order]
        self._errors = [errors[order] for errors in self._errors]

    def _order(self) -> list[int]:
        errors = _uncorrectable(torch.cat(self._errors, 2), torch.cat(self._gains, 1))
        return [int(index) for index in errors.argsort(stable=True)]


def _try_on(program: Program, candidates: dict[str, _Contest], images: Tensor) -> Iterator[float]:
    """Let all ``candidates`` see the ``images``; yields how much is done, in 0..1."""
    generator = torch.Generator().manual_seed(0)
    done, reduced = 0, False
    for part in image_batches(images, _batch(program)):
        values, gradients = _gradients(program.graph, set(candidates), part, generator)
        for name, value in values.items():
            candidates[name].see(value, gradients[name])
        done += len(part)
        if not reduced and done >= FIRST_SHARE * len(images):
            for contest in candidates.values():
                contest.reduce(FINALISTS)
            reduced = True
        yield done / len(images)


def _trials(grids: list[QParams], value: Tensor, slopes: list[Tensor]) -> Tensor:
    """First-order errors, (grids, slopes, N, C); ``value`` and ``slopes`` as :func:`_rows`."""
    product = torch.empty_like(value)
    trials = []
    for grid in grids:
        error = grid.fake_quantize(value).sub_(value)
        trials.append(
            torch.stack([torch.mul(slope, error, out=product).sum(1) for slope in slopes])
        )
    return torch.stack(trials)


def _gradients(
    graph: GraphModule, names: set[str], images: Tensor, generator: torch.Generator
) -> tuple[dict[str, Tensor], dict[str, list[Tensor]]]:
    """Values, and a gradient a projection: of random signs on the outputs; as :func:`_rows`."""
    values: dict[str, Tensor] = {}

    def keep(node: Node, value: Tensor) -> Tensor:
        if node.name in names:
            if not value.requires_grad:
                value = value.detach().requires_grad_()
            values[node.name] = value
        return value

    gradients: dict[str, list[Tensor]] = {name: [] for name in names}
    with torch.enable_grad():
        outputs = [o for o in in_order(HookedInterpreter(graph, keep).run(images)) if o.grad_fn]
        for _ in range(PROJECTIONS):
            signs = [_signs(output, generator) for output in outputs]
            if len(outputs) > 1:  # each counts by its own size, and as much as the others
                signs = [
                    s / o.detach().square().mean().sqrt().clamp_min(1e-12)
                    for s, o in zip(signs, outputs, strict=True)
                ]
            found = torch.autograd.grad(
                outputs, list(values.values()), signs, retain_graph=True, materialize_grads=True
            )
            for name, gradient in zip(values, found, strict=True):
                gradients[name].append(_rows(gradient))
    return {name: _rows(value.detach()) for name, value in values.items()}, gradients


def _signs(output: Tensor, generator: torch.Generator) -> Tensor:
    """1 or -1 for each element, drawn at random."""
    return torch.randint(0, 2, output.shape, generator=generator).to(output) * 2 - 1


def _rows(value: Tensor) -> Tensor:
    """(N, C, ...) as (N, positions, C), which is how channels_last has it in memory."""
    return value.reshape(*value.shape[:2], -1).transpose(1, 2).contiguous()


def _uncorrectable(errors: Tensor, gains: Tensor) -> Tensor:
    """What is left of the squared ``errors`` (candidates, projections, N, channels) once each
    channel has the shift that takes up most of it; ``gains`` (projections, N, channels) is what a
    shift of one changes."""
    errors, gains = errors.flatten(1, 2).double(), gains.flatten(0, 1).double()
    shift = (errors * gains).sum(1) / gains.square().sum(0).clamp_min(1e-30)
    left = errors - shift[:, None] * gains
    return left.sum(2).square().sum(1)


def _batch(program: Program) -> int:
    """How many images fit the budget; one where the graph takes no more."""
    if not program.dynamic_batch:
        return 1
    total = 1 + sum(value_bytes(program.graph))
    return max(1, min(LARGEST_BATCH, BUDGET_BYTES // (COPIES * total)))
