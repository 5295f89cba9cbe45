"""The operators of a program that compute in int8, by the user's names, and what each costs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.graph.interpret import HookedInterpreter
from quantize.graph.operators import WEIGHTED
from quantize.graph.passes.surgery import is_call, module_path, tensor_of
from quantize.graph.plan import fused_clamp
from quantize.program import Program
from zoo.input_spec import InputSpec


@dataclass(frozen=True)
class Layer:
    """An operator with all that int8 changes about it.

    ``node`` names it in the graph, ``module`` in the user's network (the path of the innermost
    module that calls it; the node's name where nothing is recorded). ``value`` is the node whose
    result it rounds, which is the clamp behind it where one belongs to it; None where the result
    stays float. ``weighted`` says whether its weights are int8.
    """

    node: str
    module: str
    operator: str
    value: str | None
    weighted: bool


@dataclass(frozen=True)
class OperatorCost:
    """What an operator does for one image: multiply-adds, and activations read and written."""

    macs: int
    elements: int

    @property
    def total(self) -> int:
        """Multiply-adds and elements, each counted once, as ``fbdeploy inspect`` weighs islands."""
        return self.macs + self.elements


def layers_of(program: Program) -> tuple[Layer, ...]:
    """The layers in order of execution, the input first.

    What only moves values is none: the values it carries are on their grid already.
    """
    found: list[Layer] = []
    clamps: set[Node] = set()
    for node in program.graph.graph.nodes:
        if node.op not in ("placeholder", "call_function") or node in clamps:
            continue
        if program.plan.carried(node):
            continue
        clamp = fused_clamp(node)
        if clamp is not None:
            clamps.add(clamp)
        made = clamp or node
        value = made.name if program.qparams(made.name) is not None else None
        weighted = node.name in program.weights
        if value is not None or weighted:
            found.append(Layer(node.name, layer_path(node), operator_name(node), value, weighted))
    return tuple(found)


def layer_path(node: Node) -> str:
    """The path in the user's network of the module that calls ``node``, or the node's own name."""
    return module_path(node) or node.name


def operator_name(node: Node) -> str:
    """Such as ``conv2d``; ``input`` for the network's input."""
    if node.op == "placeholder":
        return "input"
    packet = getattr(node.target, "overloadpacket", node.target)
    return str(getattr(packet, "__name__", packet))


def weights_of(graph: GraphModule) -> dict[Node, Tensor]:
    """The weights (out, ...) of the convolutions and linear layers that have some, in order of
    execution."""
    return {
        node: tensor_of(graph, node.args[1])
        for node in graph.graph.nodes
        if is_call(node, *WEIGHTED)
        and isinstance(node.args[1], Node)
        and node.args[1].op == "get_attr"
    }


def operator_costs(graph: GraphModule, spec: InputSpec) -> dict[str, OperatorCost]:
    """The cost of every operator of a canonical graph by node name, from one pass over zeros."""
    weights = weights_of(graph)
    sizes: dict[Node, int] = {}
    costs: dict[str, OperatorCost] = {}

    def see(node: Node, value: Tensor) -> Tensor:
        sizes[node] = value.numel()
        if node.op == "call_function":
            read = sum(sizes.get(source, 0) for source in node.all_input_nodes)
            macs = 0
            if node in weights:
                macs = value.numel() * weights[node][0].numel()
            costs[node.name] = OperatorCost(macs, read + value.numel())
        return value

    with torch.no_grad():
        HookedInterpreter(graph, see).run(torch.zeros(spec.shape))
    return costs
