"""The layer at which an artefact leaves what it was made from.

Formats fuse, delegate and reorder, so that few let anyone look at a value inside. What is exported
and run is therefore the beginning of the network up to a layer, in the same format and runtime:
first up to the places that every path passes, halving what is left, then layer by layer between
the last place that is right and the first that is not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import torch
from torch.fx import GraphModule, Node

from export.base import ExportSource
from quantize.graph.operators import carries
from quantize.graph.passes.surgery import aten, drop_unused_tensors, module_path, tensor_meta
from quantize.graph.plan import Plan, fused_clamp
from quantize.program import Program
from zoo.outputs import LOGITS

Equals = Callable[[ExportSource, str], bool]
"""Whether the artefact of a beginning, up to the layer of that name, is right."""


def first_unequal(source: ExportSource, equals: Equals) -> str | None:
    """The first layer up to which the artefact of ``source`` differs from what it is made from, by
    its module's path and operator; None where every beginning is right by itself.

    ``equals`` exports the beginning it is given, runs it and says whether it is right.
    """
    names = {node: _name(node) for node in source.graph.graph.nodes}

    def is_wrong(node: Node) -> bool:
        return not equals(beginning(source, node.name), names[node])

    places = layers(source.graph)
    narrow = [node for node in places if node in _passages(source.graph)]
    wrong, right = len(narrow), 0
    while right < wrong:
        middle = (right + wrong) // 2
        right, wrong = (right, middle) if is_wrong(narrow[middle]) else (middle + 1, wrong)
    start = places.index(narrow[wrong - 1]) + 1 if wrong > 0 else 0
    end = places.index(narrow[wrong]) if wrong < len(narrow) else len(places)
    for node in places[start:end]:
        if is_wrong(node):
            return names[node]
    return names[narrow[wrong]] if wrong < len(narrow) else None


def layers(graph: GraphModule) -> list[Node]:
    """What an artefact may compute wrongly, in execution order: operators on images, a clamp
    together with the layer it belongs to, nothing that only moves values."""
    moving = {node for node in graph.graph.nodes if node.op == "placeholder"}
    for node in graph.graph.nodes:
        if node.op == "call_function" and moving & set(node.all_input_nodes):
            moving.add(node)
    return [
        node
        for node in graph.graph.nodes
        if node in moving
        and node.op == "call_function"
        and not carries(node)
        and fused_clamp(node) is None
        and _is_float32(node)
    ]


def _is_float32(node: Node) -> bool:
    """Whether an artefact can return what ``node`` makes."""
    value = tensor_meta(node)
    return value is not None and value.dtype == torch.float32


def _passages(graph: GraphModule) -> set[Node]:
    """The nodes behind which nothing else is needed any more."""
    order = {node: index for index, node in enumerate(graph.graph.nodes)}
    last = {node: max((order[user] for user in node.users), default=-1) for node in order}
    found, alive = set(), set[Node]()
    for node, index in order.items():
        if node.op not in ("placeholder", "call_function"):
            continue
        alive = {other for other in alive if last[other] > index}
        if not alive:
            found.add(node)
        if last[node] > index:
            alive.add(node)
    return found


def beginning(source: ExportSource, name: str) -> ExportSource:
    """``source`` up to the value ``name`` of its graph, which is flattened to (N, values)."""
    graph, end = _cut(source.graph, name)
    if source.program is None:
        return replace(source, graph=graph, shared={}, float_interface=LOGITS)
    return replace(source, graph=graph, program=_program(source.program, graph, end), shared={})


def _cut(graph: GraphModule, name: str) -> tuple[GraphModule, tuple[str, str]]:
    """The graph up to ``name``, and the names of that value and of its flattened form."""
    graph = copy.deepcopy(graph)
    nodes = {node.name: node for node in graph.graph.nodes}
    (output,) = (node for node in graph.graph.nodes if node.op == "output")
    end = nodes[name]
    if end.meta["val"].ndim != 2:
        with graph.graph.inserting_before(output):
            end = graph.graph.call_function(aten.flatten.using_ints, (end, 1))
        end.meta["val"] = nodes[name].meta["val"].flatten(1)
    output.args = (end,)
    graph.graph.eliminate_dead_code()
    drop_unused_tensors(graph)
    graph.recompile()
    return graph, (name, end.name)


def _program(program: Program, graph: GraphModule, end: tuple[str, str]) -> Program:
    """What of ``program`` belongs to its beginning ``graph``."""
    there = {node.name for node in graph.graph.nodes}
    plan, owner = program.plan, program.plan.owner(end[0])
    shared = {name: of for name, of in plan.shared.items() if name in there}
    # The owner of a grid may lie behind what shares it: the first that is left takes its place.
    heirs: dict[str, str] = {}
    for name, of in shared.items():
        if of not in there:
            heirs.setdefault(of, name)
    observed = tuple(heirs.get(name, name) for name in plan.observed if name in there | set(heirs))
    shared = {n: heirs.get(of, of) for n, of in shared.items() if n not in heirs.values()}
    if owner is not None and end[0] != end[1]:
        shared[end[1]] = heirs.get(owner, owner)
    return replace(
        program,
        graph=graph,
        plan=Plan(observed, shared, tuple(name for name in plan.weighted if name in there)),
        activations={
            heirs.get(name, name): grid
            for name, grid in program.activations.items()
            if name in there | set(heirs)
        },
        weights={name: weight for name, weight in program.weights.items() if name in there},
        corrections={name: b for name, b in program.corrections.items() if name in there},
        unrounded={name: b for name, b in program.unrounded.items() if name in there},
        interface=LOGITS,
    )


def _name(node: Node) -> str:
    """The module's path and the operators of a layer, which its clamp belongs to."""
    source = node.args[0] if node.args else None
    if isinstance(source, Node) and fused_clamp(source) is node:
        return f"{_path(source)} ({_operator(source)}, {_operator(node)})"
    return f"{_path(node)} ({_operator(node)})"


def _path(node: Node) -> str:
    return module_path(node) or node.name


def _operator(node: Node) -> str:
    return str(node.target).removeprefix("aten.").partition(".")[0]
