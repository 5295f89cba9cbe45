"""Hard-swish in integer kernels, for runtimes that have none of it: an addition and a product.

    6 * hardswish(x) = x * clamp(x + 3, 0, 6)

The clamp is the saturation of a grid over [0, 6]. The factor 6 costs nothing: what comes behind is
linear up to the next layer, whose weight scale takes the sixth (the int8 weights stay the same).
Where the value reaches an addition, a concatenation or the output first, x is divided by 6 before
the product; on a grid of a sixth of its scale that changes no int8 value, but is an operator more.

Where x's own grid begins at -3 and holds 0 and 6 steps further up, x + 3 is x's integers under
another zero point, and the addition becomes a clamp of integers (:mod:`quantize.grids.alignment`).
"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch.fx import GraphModule, Node

from quantize.graph.operators import MOVES, POOLS, WEIGHTED
from quantize.graph.passes.surgery import (
    aten,
    calls,
    constant,
    drop_unused_tensors,
    is_call,
    shape_of,
)
from quantize.graph.plan import Plan
from quantize.grids.alignment import is_aligned
from quantize.program import Program, corrected
from quantize.qparams import QMIN, QParams, QuantizedWeight, from_range

FACTOR = 6.0
_GATE = from_range(0.0, FACTOR)
_SIXTH = QParams(1 / 384, 0)  # 64 / 384
_THREE = QParams(0.0625, 0)  # holds 3 exactly


def product_form(program: Program, *, exact_gate: bool = False) -> tuple[Program, int]:
    """A program without its quantized hard-swishes, and how many those were.

    The gate clamp(x + 3, 0, 6) has a grid over [0, 6], at whose ends int8 saturates. With
    ``exact_gate`` it has x's own steps where x's grid is aligned (:mod:`quantize.grids.alignment`):
    nothing is rounded then that hard-swish itself would not, but the clamp remains.
    """
    graph = copy.deepcopy(program.graph)
    observed, shared = list(program.plan.observed), dict(program.plan.shared)
    grids, weights = dict(program.activations), dict(program.weights)
    written = 0
    for swish in calls(graph, aten.hardswish.default):
        reach = _reach(swish, Plan(tuple(observed), shared, program.plan.weighted), weights)
        source = swish.args[0]
        assert isinstance(source, Node)
        read = grids.get(shared.get(source.name, source.name))
        if swish.name not in grids or read is None:
            continue
        added: dict[Node, QParams] = {}
        factor = source
        if reach is None:
            sixth = _scalar(graph, swish, "sixth", 1 / FACTOR)
            added[sixth] = _SIXTH
            with graph.graph.inserting_before(swish):
                factor = graph.graph.call_function(aten.mul.Tensor, (source, sixth))
            added[factor] = replace(read, scale=read.scale / FACTOR)
        else:
            for name in reach[0] & set(grids):
                grids[name] = replace(grids[name], scale=grids[name].scale * FACTOR)
            for name in reach[1]:
                weight = weights[name]
                weights[name] = QuantizedWeight(weight.values, weight.scale / FACTOR)
        three = _scalar(graph, swish, "three", 3.0)
        with graph.graph.inserting_before(swish):
            moved = graph.graph.call_function(aten.add.Tensor, (source, three))
            gate = graph.graph.call_function(aten.hardtanh.default, (moved, 0.0, FACTOR))
            product = graph.graph.call_function(aten.mul.Tensor, (factor, gate))
        gate_grid = _GATE
        if exact_gate and is_aligned(read):
            gate_grid = QParams(read.scale, QMIN)
        added |= {three: _THREE, gate: gate_grid, product: grids.pop(swish.name)}
        for node in (*added, moved):
            node.meta.setdefault("val", swish.meta.get("val"))
        grids |= {node.name: grid for node, grid in added.items()}
        observed.remove(swish.name)
        observed += [node.name for node in added]
        shared = {n: product.name if o == swish.name else o for n, o in shared.items()}
        swish.replace_all_uses_with(product)
        graph.graph.erase_node(swish)
        written += 1
    drop_unused_tensors(graph)
    graph.recompile()
    plan = Plan(tuple(observed), shared, program.plan.weighted)
    return replace(program, graph=graph, plan=plan, activations=grids, weights=weights), written


def float_between(program: Program) -> tuple[Program, int]:
    """A program that rounds nothing between a layer and its hard-swish, and how many those are.

    For runtimes whose layers compute the activation before they write int8. Biases are those of
    :mod:`quantize.corrections.unrounded`.
    """
    program = corrected(program, program.unrounded)
    grids = dict(program.activations)
    for swish in calls(program.graph, aten.hardswish.default):
        source = swish.args[0]
        assert isinstance(source, Node)
        if is_call(source, *WEIGHTED) and len(source.users) == 1:
            grids.pop(source.name, None)
    observed = tuple(name for name in program.plan.observed if name in grids)
    plan = replace(program.plan, observed=observed)
    written = replace(program, plan=plan, activations=grids, unrounded={})
    return written, len(program.activations) - len(grids)


def _scalar(graph: GraphModule, before: Node, name: str, value: float) -> Node:
    """A constant of as many dimensions as ``before`` has, each 1: of more, it would add some to
    the result, and not every runtime's kernel takes operands of different ranks."""
    shape = (1,) * len(shape_of(before))
    return constant(graph, before, f"{before.name}_{name}", torch.full(shape, value))


def _reach(
    start: Node, plan: Plan, weights: dict[str, QuantizedWeight]
) -> tuple[set[str], set[str]] | None:
    """The values that grow with ``start`` and the layers that end it; None if one escapes."""
    scaled, layers, waiting = {start.name}, set(), [start]
    while waiting:
        value = waiting.pop()
        for reader in value.users:
            if is_call(reader, *WEIGHTED) and reader.name in weights:
                if reader.args[0] is not value:
                    return None
                layers.add(reader.name)
            elif is_call(reader, *MOVES, *POOLS, aten.relu.default) or _is_product(reader, scaled):
                if reader.name not in scaled:
                    scaled.add(reader.name)
                    waiting.append(reader)
            else:
                return None
    # A grid that other values share cannot change for these alone.
    for name, owner in plan.shared.items():
        if (name in scaled) != (owner in scaled):
            return None
    return scaled, layers


def _is_product(node: Node, scaled: set[str]) -> bool:
    """Whether ``node`` multiplies a value that grows with one that does not."""
    if not is_call(node, aten.mul.Tensor):
        return False
    operands = [a for a in node.args[:2] if isinstance(a, Node)]
    return len(operands) == 2 and sum(a.name in scaled for a in operands) == 1
