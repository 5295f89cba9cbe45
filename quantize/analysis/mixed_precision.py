"""Leaving the few operators in float that int8 hurts most, within a budget of cost."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.analysis.findings import Findings, Operators, Rank
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


@dataclass(frozen=True)
class Trials:
    """The questions of a search in ``program``, which ``images``, float32 (N, 3, H, W), answer.

    ``finish`` is bias correction or a quick form of it, if there will be any: without it the choice
    would be of the layers that it repairs.
    """

    program: Program
    images: Tensor
    finish: Callable[[Program], Program] | None = None

    def ranks(
        self, positions: Collection[int] | None, progress: ProgressCallback = silent
    ) -> list[Rank]:
        """What int8 does at the layers at ``positions``, all by default."""
        few = self.images[:: max(1, len(self.images) // RANKING_IMAGES)]
        found = sensitivity(self.program, few, progress, positions=positions)
        return [
            Rank(position=one.position, kl_alone=one.kl_alone, kl_without=one.kl_without)
            for one in found.layers
        ]

    def kl(self, operators: Operators) -> float:
        """The divergence of the program with ``operators`` in float, in nats."""
        trial = with_float_operators(self.program, operators) if operators else self.program
        return self._judge.divergence(trial if self.finish is None else self.finish(trial))

    @cached_property
    def _judge(self) -> Judge:
        program = self.program
        batch = batch_size(program.graph, program.dynamic_batch)
        return Judge.of(program.graph, self.images, batch, program.interface)


def mixed_precision(
    trials: Trials,
    judge: Callable[[Program], float],
    budget: MixedPrecision,
    progress: ProgressCallback = silent,
    *,
    findings: Findings | None = None,
) -> Program:
    """Greedily leave operators of a program in float while ``judge`` falls materially.

    Each round takes the choice that lowers the KL most for what it costs. ``trials`` choose the
    operators; ``judge`` gives the KL in nats on images held out from that and from calibration. Run
    it before bias correction, which depends on what is in int8. The result's summary names the
    operators; it is the program of ``trials`` itself where none pays. ``findings`` are those of an
    earlier search that ended unfinished.

    Raises:
        Unfinished: by ``findings``, other processes find something out sooner.
    """
    program, known = trials.program, findings or Findings()
    _rank(trials, known, progress)
    layers = layers_of(program)
    # Of layers that bring as much without int8, the one that hurts most alone.
    ranked = sorted(known.ranks.values(), key=lambda r: (r.kl_without, -r.kl_alone, r.position))
    options = _options(program, [layers[rank.position] for rank in ranked[:CANDIDATES]])
    costs = operator_costs(program.graph, program.input_spec)
    whole = sum(costs[name].total for name in {layer.node for layer in layers} & set(costs))

    def share(operators: Operators) -> float:
        return sum(costs[name].total for name in operators) / whole

    def judged(operators: Operators, trial: Program) -> float:
        if operators not in known.judged:
            known.judged[operators] = judge(trial)
        return known.judged[operators]

    left: Operators = frozenset()
    if left not in known.trials:
        known.trials[left] = trials.kl(left)
    best, kl = program, judged(left, program)
    while True:
        affordable = {
            left | option
            for option in options
            if not option <= left
            and len(left | option) <= budget.max_operators
            and share(left | option) <= budget.max_cost_share
        }
        before = known.trials[left]
        _try(sorted(affordable, key=sorted), trials, known, progress)
        found = [_Trial(one, known.trials[one], share(one - left)) for one in affordable]
        for trial in sorted(found, key=lambda one: (-one.worth(before), sorted(one.operators))):
            if trial.kl > (1 - budget.min_gain) * before:
                continue
            mixed = with_float_operators(program, trial.operators)
            if judged(trial.operators, mixed) <= (1 - budget.min_gain) * kl:
                left, best, kl = trial.operators, mixed, known.judged[trial.operators]
                break
        else:
            break
    progress("mixed precision", 1.0)
    return best


def _rank(trials: Trials, known: Findings, progress: ProgressCallback) -> None:
    """Know the rank of each layer."""
    missing = [n for n in range(len(layers_of(trials.program))) if n not in known.ranks]
    if known.processes > 1 and len(missing) > 1:
        start = time.monotonic()
        (first,) = trials.ranks(missing[:1])
        known.ranks[first.position] = first
        # Two halves of a pass for a layer in the middle; six whole ones for the first alone.
        seconds = (time.monotonic() - start) / 6
        del missing[0]
        known.ask_for_ranks(missing, seconds * len(missing))
    if missing:
        known.ranks |= {rank.position: rank for rank in trials.ranks(missing, progress)}


def _try(
    choices: list[Operators], trials: Trials, known: Findings, progress: ProgressCallback
) -> None:
    """Know what each of ``choices`` brings."""
    missing = [choice for choice in choices if choice not in known.trials]
    for number, choice in enumerate(missing):
        progress("mixed precision", number / len(missing))
        start = time.monotonic()
        known.trials[choice] = trials.kl(choice)
        further = missing[number + 1 :]
        known.ask_for_trials(further, (time.monotonic() - start) * len(further))


@dataclass(frozen=True)
class _Trial:
    """``operators`` in float, the ``kl`` with them in nats, and what share of the network's cost is
    in float now that was not before."""

    operators: Operators
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
