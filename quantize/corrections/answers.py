"""Outputs of segmenters clamped to what tells their classes apart.

Beyond some distance from one another logits say the same of a pixel. Those of a trained network may
reach hundreds where it is sure (MediaPipe's selfie segmenter: 1063), and a grid that holds these is
too coarse where it is not: half a step of both logits either way, and a pixel has no answer.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.graph.passes.surgery import aten, emit, is_call, tensor_meta
from quantize.graph.plan import Plan
from quantize.grids.kernel_bounds import within_kernels
from quantize.judging import Judge, geometric_mean
from quantize.program import Program
from quantize.qparams import QParams, from_range

#: What the bound of a range is multiplied by from a candidate to the next, and how many there are.
STEP, CANDIDATES = 2**-0.5, 14
#: Nats a pixel: where rounding the logits costs less, they keep their range. That of MediaPipe's
#: segmenter costs eight times as much.
NOTICED = 1e-3


@dataclass(frozen=True)
class Answers:
    """A segmenter's only output: the ``layer`` that makes it, the values that it is ``moved`` to,
    and the ``grid`` that serves the task best.

    Corrections see them in float, or they would make up for what the clamp cuts off.
    """

    layer: str
    moved: tuple[str, ...]
    grid: QParams

    def in_float(self, plan: Plan) -> Plan:
        """``plan`` without a grid for them."""
        observed = tuple(name for name in plan.observed if name != self.layer)
        shared = {name: owner for name, owner in plan.shared.items() if name not in self.moved}
        return replace(plan, observed=observed, shared=shared)

    def left_out(self, grids: Mapping[str, QParams]) -> dict[str, QParams]:
        """``grids`` by owner without theirs."""
        return {name: grid for name, grid in grids.items() if name != self.layer}

    def clamped(self, program: Program) -> Program:
        """``program`` with a clamp behind the layer, on the grid; as it is where the layer has been
        left in float."""
        if self.layer not in program.plan.weighted:
            return program
        graph = copy.deepcopy(program.graph)
        (layer,) = (node for node in graph.graph.nodes if node.name == self.layer)
        (user,) = layer.users
        bounds = (self.grid.low, self.grid.high)
        clamp = emit(user, aten.hardtanh.default, layer, *bounds, like=tensor_meta(layer))
        user.replace_input_with(layer, clamp)
        graph.graph.lint()
        graph.recompile()
        plan = replace(
            program.plan,
            observed=(*program.plan.observed, clamp.name),
            shared=program.plan.shared | dict.fromkeys(self.moved, clamp.name),
        )
        grids = within_kernels(graph, plan, program.activations | {clamp.name: self.grid})
        return replace(program, graph=graph, plan=plan, activations=grids)


def find_answers(
    graph: GraphModule, plan: Plan, grids: Mapping[str, QParams], judge: Judge
) -> Answers | None:
    """The output of a segmenter whose judge finds a narrower grid worth it; None where none does,
    or something else reads it."""
    if judge.interface.task != "segmentation" or len(judge.reference) != 1:
        return None
    (output,) = (node for node in graph.graph.nodes if node.op == "output")
    node = output.args[0] if isinstance(output.args[0], Node) else output.args[0][0]
    moved: list[str] = []
    while len(node.users) == 1 and plan.carried(node) and isinstance(node.args[0], Node):
        moved.append(node.name)
        node = node.args[0]
    if len(node.users) != 1 or not is_call(node, aten.conv2d.default) or node.name not in grids:
        return None
    grid = narrowed(grids[node.name], judge)
    return None if grid == grids[node.name] else Answers(node.name, tuple(moved), grid)


def narrowed(grid: QParams, judge: Judge) -> QParams:
    """The grid within the range of ``grid`` whose rounding alone changes the judge's only output
    least, as its task sees it."""
    ((name, exact),) = judge.reference.items()
    found, least = grid, _divergence(judge, name, exact, grid)
    if least < NOTICED:
        return grid
    bound = max(-grid.low, grid.high)
    for _ in range(CANDIDATES):
        bound *= STEP
        candidate = from_range(max(grid.low, -bound), min(grid.high, bound))
        divergence = _divergence(judge, name, exact, candidate)
        if divergence < least:
            found, least = candidate, divergence
    return found


def _divergence(judge: Judge, name: str, exact: Tensor, grid: QParams) -> float:
    found = judge.task.divergence(judge.reference, {name: grid.fake_quantize(exact)})
    return geometric_mean(found.clamp_min(1e-12).log())
