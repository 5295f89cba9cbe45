"""Which layers int8 hurts: the error each causes at its own output and at the network's.

For every layer, two questions are asked of the network's output: how far is it from float when this
layer alone is int8 (its own damage), and when all others are (what leaving it in float brings).
Float and int8 network run side by side, node by node; at each layer both are forked, and only the
nodes behind it run again. That costs half a pass a question, and keeps no more values than two
networks need at that point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg

from quantize.analysis.layers import Layer, OperatorCost, layers_of, operator_costs
from quantize.graph.interpret import batch_size, image_batches
from quantize.graph.passes.surgery import tensor_of
from quantize.graph.plan import fused_clamp, limits
from quantize.grids.calibrate import ProgressCallback, silent
from quantize.program import Program
from tasks.table import task_named
from zoo.errors import InputError

#: Float and int8 values, a fork's own and the operator's scratch are held at once.
MEMORY_BYTES = 400_000_000
#: What an image's KL counts as at least, nats; float32 logits still tell so little from nothing.
SMALLEST_KL = 1e-9


@dataclass(frozen=True)
class LayerSensitivity:
    """What int8 does at one layer.

    ``position`` is its place in order of execution, from 0. SQNRs are in dB at the layer's output
    with float inputs: of weights and rounding together, of the int8 weights alone, and of rounding
    the result alone; None where nothing is lost. ``kl_alone`` is KL(float || this layer in int8)
    and ``kl_without`` KL(float || all but this layer in int8), in nats: geometric means over the
    images, as corrections are judged by, though at temperature 1.
    """

    layer: Layer
    position: int
    cost: OperatorCost
    sqnr_db: float | None
    weight_sqnr_db: float | None
    activation_sqnr_db: float | None
    kl_alone: float
    kl_without: float


@dataclass(frozen=True)
class Sensitivity:
    """The layers that were asked for, the one that hurts most first; ``kl`` of the whole int8
    network in nats, and the multiply-adds of all its layers."""

    images: int
    kl: float
    macs: int
    layers: tuple[LayerSensitivity, ...]


@torch.no_grad()
def sensitivity(
    program: Program,
    images: Tensor,
    progress: ProgressCallback = silent,
    *,
    positions: Collection[int] | None = None,
) -> Sensitivity:
    """Rank the layers of ``program`` on float32 ``images`` (N, 3, H, W) by ``kl_alone``: all, or
    those at ``positions``, each of which has the same figures whichever others there are.

    Float means the program's own graph, so bias corrections count as part of it: give a program
    without them to see what they repair.

    Raises:
        InputError: no images.
    """
    if len(images) == 0:
        raise InputError("sensitivity: no images; give a folder with at least a few dozen")
    network = _Switched(program)
    wanted = range(len(network.layers)) if positions is None else sorted(positions)
    sums = {number: _Sums() for number in wanted}
    whole, done = 0.0, 0
    batch = batch_size(program.graph, program.dynamic_batch, MEMORY_BYTES)
    for part in image_batches(images, batch):

        def tell(share: float, before: int = done, count: int = len(part)) -> None:
            progress("sensitivity", (before + share * count) / len(images))

        whole += _measure(network, part, sums, tell)
        done += len(part)
    costs = operator_costs(program.graph, program.input_spec)
    all_costs = [costs.get(layer.node, OperatorCost(0, 0)) for layer in network.layers]
    found = [
        LayerSensitivity(
            layer=network.layers[position],
            position=position,
            cost=all_costs[position],
            sqnr_db=total.noise_db("both"),
            weight_sqnr_db=total.noise_db("weights"),
            activation_sqnr_db=total.noise_db("rounding"),
            kl_alone=math.exp(total.log_kl_alone / len(images)),
            kl_without=math.exp(total.log_kl_without / len(images)),
        )
        for position, total in sums.items()
    ]
    found.sort(key=lambda entry: (-entry.kl_alone, entry.position))
    macs = sum(cost.macs for cost in all_costs)
    return Sensitivity(len(images), math.exp(whole / len(images)), macs, tuple(found))


def _measure(
    network: _Switched, images: Tensor, sums: dict[int, _Sums], progress: Callable[[float], None]
) -> float:
    """Add one batch to ``sums``; returns :meth:`_Switched.log_kl` of the int8 network."""
    every = frozenset(range(len(network.layers)))
    none: frozenset[int] = frozenset()
    start = {network.nodes[network.input_index]: images}
    reference = network.finish(0, dict(start), none)
    whole = network.finish(0, dict(start), every)
    exact, rough = dict(start), dict(start)
    done = 0
    for index in range(len(network.nodes)):
        number = network.starts.get(index)
        if number is not None and number in sums:
            total = sums[number]
            network.compare(number, exact, total)
            alone = network.finish(index, dict(exact), frozenset({number}))
            without = network.finish(index, dict(rough), every - {number})
            total.log_kl_alone += network.log_kl(reference, alone)
            total.log_kl_without += network.log_kl(reference, without)
            done += 1
            progress(done / len(sums))
        if index < network.output_index:
            network.step(index, exact, none)
            network.step(index, rough, every)
    return network.log_kl(reference, whole)


@dataclass
class _Sums:
    """Running sums of one layer over all images."""

    signal: float = 0.0
    noise: dict[str, float] = field(default_factory=dict)
    log_kl_alone: float = 0.0
    log_kl_without: float = 0.0

    def add(self, exact: Tensor, changed: dict[str, Tensor]) -> None:
        self.signal += _energy(exact)
        for kind, value in changed.items():
            self.noise[kind] = self.noise.get(kind, 0.0) + _energy(value - exact)

    def noise_db(self, kind: str) -> float | None:
        noise = self.noise.get(kind, 0.0)
        return 10 * math.log10(self.signal / noise) if noise and self.signal else None


def _energy(value: Tensor) -> float:
    return float(value.square().sum(dtype=torch.float64))


class _Switched:
    """A program whose layers can be int8 or float, each on its own.

    An environment maps the nodes that are still to be read to their values. What only carries
    values does not round them: the layers that made them have.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._task = task_named(program.interface.task)
        self.nodes: list[Node] = list(program.graph.graph.nodes)
        self.layers = layers_of(program)
        self._by_name = {node.name: node for node in self.nodes}
        numbers = {layer.node: number for number, layer in enumerate(self.layers)}
        #: Layer numbers by the index of the node they begin at.
        self.starts = {
            index: numbers[node.name]
            for index, node in enumerate(self.nodes)
            if node.name in numbers
        }
        self._rounded_by = {layer.value: n for n, layer in enumerate(self.layers) if layer.value}
        self._weights = {name: weight.dequantize() for name, weight in program.weights.items()}
        self._tensors = {
            node: tensor_of(program.graph, node) for node in self.nodes if node.op == "get_attr"
        }
        self.input_index = next(i for i, n in enumerate(self.nodes) if n.op == "placeholder")
        self.output_index = next(i for i, n in enumerate(self.nodes) if n.op == "output")
        last = {source: i for i, node in enumerate(self.nodes) for source in node.all_input_nodes}
        self._ends: dict[int, list[Node]] = {}
        for node, index in last.items():
            self._ends.setdefault(index, []).append(node)

    def finish(
        self, start: int, env: dict[Node, Tensor], int8: frozenset[int]
    ) -> dict[str, Tensor]:
        """Run from node ``start`` to the end, the layers ``int8`` quantized; the outputs."""
        for index in range(start, self.output_index):
            self.step(index, env, int8)
        returned: Any = map_arg(self.nodes[self.output_index].args[0], env.__getitem__)
        return self._program.interface.named(returned)

    def log_kl(self, reference: dict[str, Tensor], other: dict[str, Tensor]) -> float:
        """The sum over the images of the logarithm of what the task calls their distance."""
        found = self._task.distance(reference, other)
        return float(found.clamp_min(SMALLEST_KL).log().sum())

    def step(self, index: int, env: dict[Node, Tensor], int8: frozenset[int]) -> None:
        """Run one node and forget the values nothing reads any more."""
        node = self.nodes[index]
        if node.op == "call_function":
            value = self._call(node, env, self.starts.get(index) in int8)
        elif node.op == "placeholder":
            value = env[node]
        else:
            return
        number = self._rounded_by.get(node.name)
        env[node] = self._program.rounded(node, value) if number in int8 else value
        for dead in self._ends.get(index, ()):
            env.pop(dead, None)

    def compare(self, number: int, env: dict[Node, Tensor], sums: _Sums) -> None:
        """Add the layer's own error, its inputs taken from ``env``, to ``sums``."""
        layer = self.layers[number]
        node = self._by_name[layer.node]
        clamp = fused_clamp(node)
        made = clamp or node

        def result(int8_weights: bool) -> Tensor:
            if node.op == "placeholder":
                return env[node]
            value: Tensor = self._call(node, env, int8_weights)
            if clamp is not None:
                value = self._call(clamp, {**env, node: value}, False)
            return value

        low, high = limits(made, self._program.plan)
        exact = result(False)
        changed: dict[str, Tensor] = {}
        rough = exact
        if layer.weighted:
            rough = changed["weights"] = result(True)
        if layer.value is not None:
            changed["rounding"] = self._program.rounded(made, exact)
            rough = self._program.rounded(made, rough)
        changed["both"] = rough
        # Not an error: what lies where the readers tell nothing apart, such as below -3 in front
        # of a hard-swish.
        sums.add(exact.clamp(low, high), {k: v.clamp(low, high) for k, v in changed.items()})

    def _call(self, node: Node, env: dict[Node, Tensor], int8_weights: bool) -> Any:
        def value_of(source: Node) -> Tensor:
            return self._tensors[source] if source.op == "get_attr" else env[source]

        args = map_arg(node.args, value_of)
        if int8_weights and node.name in self._weights:
            args = (args[0], self._weights[node.name], *args[2:])
        target = node.target
        assert callable(target)
        # Sizes and operators of several results are carried along as they are.
        return target(*args, **map_arg(node.kwargs, value_of))
