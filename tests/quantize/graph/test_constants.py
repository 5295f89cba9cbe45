"""What is computed once, and what stays to be computed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from quantize.graph.capture import capture
from quantize.graph.passes.surgery import tensor_of
from tests.quantize.small_networks import SPEC


class Ordered(nn.Module):
    """A matrix that tells which of ``count`` come before which."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.layer, self.count = nn.Linear(3, count), count

    def forward(self, x: Tensor) -> Tensor:
        rank = torch.arange(self.count).float()
        before = (rank.unsqueeze(1) < rank.unsqueeze(0)).to(x.dtype)
        return torch.matmul(self.layer(x.mean((2, 3))), before)


def _largest_constant(count: int) -> int:
    graph = capture(Ordered(count), SPEC).graph  # which checks that it computes the same
    constants = [node for node in graph.graph.nodes if node.op == "get_attr"]
    return max(tensor_of(graph, node).numel() for node in constants)


def test_what_would_weigh_more_than_what_it_is_made_of_is_computed() -> None:
    assert _largest_constant(100) == 100 * 100
    assert _largest_constant(600) == 600 * 3  # the layer's weight
