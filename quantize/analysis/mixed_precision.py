"""Leaving the few operators in float that int8 hurts most, within a budget of cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.analysis.layers import Layer, layer_path, layers_of, operator_costs, operator_name
from quantize.analysis.sensitivity import sensitivity
from quantize.graph.interpret import batch_size
from quantize.graph.operators import carries
from quantize.graph.passes.surgery import aten, calls, tensor_meta
from quantize.graph.plan import Plan, fused_clamp
from quantize.grids.calibrate import ProgressCallback, silent
from quantize.judging import Judge
from quantize.program import Program
from quantize.recipe import MixedPrecision

#: Layers whose absence from int8 lowers the KL most, on so many images, are tried.
CANDIDATES, RANKING_IMAGES = 10, 32


def mixed_precision(
    program: Program,
    images: Tensor,
    judge: Callable[[Program], float],
    budget: MixedPrecision,
    progress: ProgressCallback = silent,
    *,
    finish: Callable[[Program], Program] | None = None,
) -> Program:
    """Greedily leave operators of ``program`` in float while ``judge`` falls materially.

    Each round takes the choice that lowers the KL most for what it costs. ``images``, float32
    (N, 3, H, W), choose the operators; ``judge`` gives the KL in nats on images held out from that
    and from calibration. Run it before bias correction, which depends on what is in int8;
    ``finish`` is that correction or a quick form of it, if there will be any: without it the choice
    would be of the layers that it repairs. The result's summary names the operators; it is
    ``program`` itself where none pays.
    """
    few = images[:: max(1, len(images) // RANKING_IMAGES)]
    ranked = sorted(sensitivity(program, few, progress).layers, key=lambda e: e.kl_without)
    options = _options(program, [entry.layer for entry in ranked[:CANDIDATES]])
    costs = operator_costs(program.graph, program.input_spec)
    layers = {layer.node for layer in layers_of(program)} & set(costs)
    whole = sum(costs[name].total for name in layers)
    batch = batch_size(program.graph, program.dynamic_batch)
    quick = Judge.of(program.graph, images, batch, program.interface)

    def share(operators: frozenset[str]) -> float:
        return sum(costs[name].total for name in operators) / whole

    def seen(trial: Program) -> float:
        finished = trial if finish is None else finish(trial)
        return quick.divergence(finished)

    left: frozenset[str] = frozenset()
    best, kl, known = program, judge(program), seen(program)
    while True:
        affordable = {
            left | option
            for option in options
            if not option <= left
            and len(left | option) <= budget.max_operators
            and share(left | option) <= budget.max_cost_share
        }
        trials: list[_Trial] = []
        for number, choice in enumerate(sorted(affordable, key=sorted)):
            progress("mixed precision", number / len(affordable))
            mixed = with_float_operators(program, choice)
            trials.append(_Trial(choice, mixed, seen(mixed), share(choice - left)))
        for trial in sorted(trials, key=lambda trial: -trial.worth(known)):
            enough = trial.kl <= (1 - budget.min_gain) * known
            if enough and (found := judge(trial.program)) <= (1 - budget.min_gain) * kl:
                left, best, kl, known = trial.operators, trial.program, found, trial.kl
                break
        else:
            break
    progress("mixed precision", 1.0)
    return best


@dataclass(frozen=True)
class _Trial:
    """``program`` with ``operators`` in float, its ``kl`` in nats, and what share of the network's
    cost is in float now that was not before."""

    operators: frozenset[str]
    program: Program
    kl: float
    further_cost: float

    def worth(self, before: float) -> float:
        """How far the KL fell from ``before``, as a logarithm, for each part of the cost."""
        return math.log(before / self.kl) / max(self.further_cost, 1e-6)


def with_float_operators(program: Program, operators: frozenset[str]) -> Program:
    """``program`` with ``operators``, nodes of its graph by name, computing in float."""
    plan = float_plan(program.graph, program.plan, operators)
    names = [
        f"{layer_path(node)} ({operator_name(node)})"
        for node in program.graph.graph.nodes
        if node.name in operators
    ]
    return replace(
        program,
        plan=plan,
        activations={name: program.activations[name] for name in plan.observed},
        weights={n: w for n, w in program.weights.items() if n not in operators},
        summary=replace(program.summary, float_operators=names),
    )


def float_plan(graph: GraphModule, plan: Plan, floats: frozenset[str]) -> Plan:
    """``plan`` with the operators in ``floats`` (node names) computing in float.

    An integer kernel reads and writes int8, so a value stays int8 as long as one operator that
    makes or reads it computes in int8; values that share a grid leave it together.
    """
    kept = {owner for owner, names in _touching(graph, plan).items() if not names <= floats}
    return replace(
        plan,
        observed=tuple(name for name in plan.observed if name in kept),
        shared={name: owner for name, owner in plan.shared.items() if owner in kept},
        weighted=tuple(name for name in plan.weighted if name not in floats),
    )


def _touching(graph: GraphModule, plan: Plan) -> dict[str, frozenset[str]]:
    """By owner of a grid, the integer operators that make or read a value on it."""
    integer: set[str] = set()
    found: dict[str, set[str]] = {name: set() for name in plan.observed}
    nodes = [n for n in graph.graph.nodes if n.op == "call_function" and not carries(n)]
    for node in nodes:
        clamp = fused_clamp(node)
        if node.name in plan.weighted or plan.owner((clamp or node).name) is not None:
            integer.add(node.name)
    for node in nodes:
        source = node.args[0]
        if isinstance(source, Node) and fused_clamp(source) is node:
            continue
        clamp = fused_clamp(node)
        for value in (*node.all_input_nodes, clamp or node):
            owner = plan.owner(value.name)
            if owner is not None and node.name in integer:
                found[owner].add(node.name)
    return {owner: frozenset(names) for owner, names in found.items()}


def _options(program: Program, layers: list[Layer]) -> list[frozenset[str]]:
    """What can be left in float for each layer: itself, and all that touches its result.

    The first spares the layer its int8 weights. The second also spares its result the rounding,
    which takes every reader of the result to be in float, too. All that makes gates is a choice of
    its own: squeeze-excite is many operators, none of which gains much alone, and next to none of
    the cost. So is all that makes one value a channel, with the layers behind the last pool.
    """
    touching = _touching(program.graph, program.plan)
    found: list[frozenset[str]] = []
    for layer in layers:
        if layer.weighted:
            found.append(frozenset({layer.node}))
        owner = None if layer.value is None else program.plan.owner(layer.value)
        if owner is not None:
            found.append(touching[owner])
    integer = frozenset().union(*touching.values())
    pixel = {node.name for node in program.graph.graph.nodes if _is_one_pixel(node)}
    found += [_gates(program.graph) & integer, integer & pixel]
    return list(dict.fromkeys(option for option in found if option))


def _gates(graph: GraphModule) -> frozenset[str]:
    """The nodes that make what maps are multiplied with, one value a channel: squeeze-excite's."""
    found: set[Node] = set()
    for product in calls(graph, aten.mul.Tensor):
        waiting = list(product.all_input_nodes)
        while waiting:
            node = waiting.pop()
            if node not in found and _is_one_pixel(node):
                found.add(node)
                waiting += node.all_input_nodes
    return frozenset(node.name for node in found)


def _is_one_pixel(node: Node) -> bool:
    value = tensor_meta(node) if node.op == "call_function" else None
    return value is not None and value.ndim == 4 and tuple(value.shape[2:]) == (1, 1)
