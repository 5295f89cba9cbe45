"""The float network that a quantized one learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.graph.choices import Choices, Recorder
from quantize.qat.loss import Watched
from zoo.outputs import Interface


@dataclass(frozen=True)
class Lesson:
    """What the float network makes of a batch, and what it chooses on the way, by node."""

    watched: Watched
    choices: Choices


@torch.no_grad()
def teach(
    graph: GraphModule, interface: Interface, images: Tensor, points: tuple[str, ...]
) -> Lesson:
    """Run the float ``graph`` on ``images``, float32 (N, 3, H, W), and keep the values at
    ``points``, nodes by name."""
    run = _Teacher(graph, frozenset(points))
    returned = run.run(images)
    return Lesson(Watched(interface.named(returned), run.seen), run.choices)


class _Teacher(Recorder):
    def __init__(self, graph: GraphModule, points: frozenset[str]) -> None:
        super().__init__(graph)
        self._points = points
        self.seen: dict[str, Tensor] = {}

    def run_node(self, n: Node) -> Any:
        value = super().run_node(n)
        if n.name in self._points:
            self.seen[n.name] = value
        return value
