"""A quantized program as an ``nn.Module`` that can be trained, and back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

from quantize.graph.choices import Choices, Follower
from quantize.graph.passes.surgery import bias_of, tensor_of
from quantize.graph.plan import FIXED, fused_clamp
from quantize.grids.joint_limits import joint_limits
from quantize.program import Program
from quantize.qat.grids import ActivationGrid
from quantize.qat.layer import TrainedLayer
from zoo.outputs import Returned

Substitute = Callable[[Tensor], Tensor]


class QatModule(nn.Module):
    """Computes what a program does, with gradients, of float32 (N, 3, H, W).

    Weights, biases, weight scales and activation grids are its parameters; batch norms are folded
    and there is no dropout, so ``train()`` and ``eval()`` are the same. With ``quantizing`` False
    nothing is rounded and no bias is corrected: until something is trained, that is the float
    network.
    """

    def __init__(self, program: Program) -> None:
        """Start from ``program``; its outputs are this module's, bit for bit."""
        super().__init__()
        self.program = program
        self.quantizing = True
        self.graph = copy.deepcopy(program.graph)
        nodes = {node.name: node for node in self.graph.graph.nodes}
        bounds = joint_limits(self.graph, program.plan)
        self.activations = nn.ModuleDict(
            {
                name: ActivationGrid(grid, nodes[name], gate=bounds[name] in FIXED)
                for name, grid in program.activations.items()
            }
        )
        self.layers = nn.ModuleDict({name: self._layer(nodes[name]) for name in program.weights})

    def forward(self, x: Tensor, choices: Choices | None = None) -> Any:
        """What the program's graph returns: its only output, or a tuple of them in order."""
        return self.run(x, choices=choices)[0]

    def run(
        self,
        x: Tensor,
        watched: Iterable[str] = (),
        choices: Choices | None = None,
    ) -> tuple[Returned, dict[str, Tensor]]:
        """:meth:`forward`, and the values of the graph's nodes ``watched`` as their readers see
        them. Nodes choose as ``choices`` say (:mod:`quantize.graph.choices`), by name."""
        interpreter = _TrainingInterpreter(self, frozenset(watched), choices or {})
        return interpreter.run(x), interpreter.seen

    @contextmanager
    def in_float(self) -> Iterator[None]:
        """Round nothing inside the block."""
        before, self.quantizing = self.quantizing, False
        try:
            yield
        finally:
            self.quantizing = before

    def train_grids(self, trained: bool) -> None:
        """Whether scales and zero points take part in training; LSQ freezes them for the end."""
        for part in (*self.activations.values(), *self.layers.values()):
            assert isinstance(part, (ActivationGrid, TrainedLayer))
            part.train_grid(trained)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """All parameters by kind: ``weights`` and ``biases`` in steps of their grids, ``scales``
        as logarithms, and ``zero_points`` in steps."""
        kinds = {"weight": "weights", "bias": "biases", "log_scale": "scales"}
        groups: dict[str, list[nn.Parameter]] = {kind: [] for kind in kinds.values()}
        groups["zero_points"] = []
        for name, parameter in self.named_parameters():
            groups[kinds.get(name.rpartition(".")[2], "zero_points")].append(parameter)
        return groups

    def layer(self, name: str) -> TrainedLayer:
        """A layer's parameters, by its node's name."""
        found = self.layers[name]
        assert isinstance(found, TrainedLayer)
        return found

    def input_scale(self, node: Node) -> float | None:
        """The scale of what the layer at ``node`` reads, as it is now; None if that is float."""
        source = node.args[0]
        assert isinstance(source, Node)
        owner = self.program.plan.owner(source.name)
        if owner is None or owner not in self.activations:
            return None
        return self._grid(owner).qparams().scale

    def substitutes(self) -> dict[str, Substitute]:
        """What node values are replaced by, as a function of the value, by the node's name."""
        found: dict[str, Substitute] = {}
        for node in self.graph.graph.nodes:
            owner = self.program.plan.owner(node.name)
            if self.quantizing and owner is not None and owner in self.activations:
                found[node.name] = self._grid(owner)
            if node.name in self.layers:
                weight, bias = node.args[1:3]
                found[weight.name], found[bias.name] = self._parameters_of(node)
            elif not self.quantizing and node.name in self.program.corrections:
                found[node.args[2].name] = self._uncorrected(node.name)
        return found

    def _parameters_of(self, node: Node) -> tuple[Substitute, Substitute]:
        layer = self.layer(node.name)
        if not self.quantizing:
            return lambda _: layer.float_weight(), lambda _: layer.float_bias()
        return lambda _: layer.int8_weight(self.input_scale(node)), lambda _: layer.int8_bias()

    def _uncorrected(self, name: str) -> Substitute:
        correction = self.program.corrections[name]
        return lambda bias: bias - correction

    def _grid(self, owner: str) -> ActivationGrid:
        grid = self.activations[owner]
        assert isinstance(grid, ActivationGrid)
        return grid

    def _layer(self, node: Node) -> TrainedLayer:
        """Where the layer at ``node`` starts."""
        program = self.program
        quantized, bias = program.weights[node.name], bias_of(self.graph, node)
        assert bias is not None
        correction = program.corrections.get(node.name, torch.zeros_like(bias))
        made = program.qparams((fused_clamp(node) or node).name)
        # Where the output stays float there is no step to take: one of the largest product.
        step = float(quantized.scale.max()) if made is None else made.scale
        return TrainedLayer(
            weight_of(self.graph, node), quantized, bias, correction, bias_step=step
        )


@torch.no_grad()
def convert(module: QatModule) -> Program:
    """The program that computes what ``module`` does now, for every backend to read."""
    graph = copy.deepcopy(module.program.graph)
    weights = {}
    for node in graph.graph.nodes:
        if node.name not in module.layers:
            continue
        layer = module.layer(node.name)
        weights[node.name] = layer.quantized(module.input_scale(node))
        weight_of(graph, node).copy_(layer.float_weight())
        bias = bias_of(graph, node)
        assert bias is not None
        bias.copy_(layer.int8_bias())
    grids = {}
    for name, activation in module.activations.items():
        assert isinstance(activation, ActivationGrid)
        grids[name] = activation.qparams()
    summary = replace(module.program.summary, method="qat")
    return replace(
        module.program,
        graph=graph,
        activations=grids,
        weights=weights,
        summary=summary,
        unrounded={},  # it was for the biases before
    )


class _TrainingInterpreter(Follower):
    """Runs a module's graph with its parameters, its values rounded."""

    def __init__(self, module: QatModule, watched: frozenset[str], choices: Choices) -> None:
        super().__init__(module.graph, choices)
        self._substitutes = module.substitutes()
        self._watched = watched
        self.seen: dict[str, Tensor] = {}

    def run_node(self, n: Node) -> Any:
        """Run one node and put what belongs there in its value's place."""
        value = super().run_node(n)
        substitute = self._substitutes.get(n.name)
        if substitute is not None and isinstance(value, Tensor):
            value = substitute(value)
        if n.name in self._watched:
            self.seen[n.name] = value
        return value


def weight_of(graph: GraphModule, node: Node) -> Tensor:
    """The weight (out, ...) of a convolution or linear node."""
    source = node.args[1]
    assert isinstance(source, Node)
    return tensor_of(graph, source)
