from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from quantize.capture import capture
from quantize.equalization import equalized, pairs
from quantize.interpret import HookedInterpreter
from tests.quantize.small_networks import SPEC

CHANNELS = 6


class Chain(nn.Module):
    """Two layers with ``between``; the first one's channels differ a thousandfold."""

    def __init__(self, between: nn.Module, *, depthwise: bool, residual: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, CHANNELS, 3)
        self.between = between
        groups = CHANNELS if depthwise else 1
        self.second = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=groups)
        self.residual = residual
        with torch.no_grad():
            self.first.weight *= torch.logspace(-2, 1, CHANNELS).reshape(-1, 1, 1, 1)
            self.first.bias *= torch.logspace(-2, 1, CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.between(self.first(x))
        y = self.second(x)
        return (x + y if self.residual else y).mean((2, 3))


def _images() -> Tensor:
    return torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def _ranges(graph: torch.fx.GraphModule, name: str) -> Tensor:
    found: list[Tensor] = []

    def see(node: torch.fx.Node, value: Tensor) -> Tensor:
        if node.name == name:
            found.append(value.abs().amax((0, 2, 3)))
        return value

    with torch.no_grad():
        HookedInterpreter(graph, see).run(_images())
    return found[0]


@pytest.mark.parametrize("depthwise", [True, False])
@pytest.mark.parametrize("between", [nn.ReLU(), nn.Identity()])
def test_same_function_with_channels_more_alike(between: nn.Module, depthwise: bool) -> None:
    torch.manual_seed(0)
    graph = capture(Chain(between, depthwise=depthwise).eval(), SPEC).graph
    (pair,) = pairs(graph)
    assert pair.depthwise == depthwise
    done, count = equalized(graph, _images(), batch=4)
    assert count == 1
    with torch.no_grad():
        torch.testing.assert_close(done(_images()), graph(_images()), rtol=1e-5, atol=1e-5)
    before, after = (_ranges(g, pair.between.name) for g in (graph, done))
    if depthwise:
        # Nothing to weigh against: channels become alike, as far as the largest factor goes.
        floor = before / before.max() * 100
        torch.testing.assert_close(after / after.max(), floor.clamp_max(1.0), rtol=1e-3, atol=0)
    else:
        assert float(after.max() / after.min()) < float(before.max() / before.min()) ** 0.7


@pytest.mark.parametrize(
    "network",
    [
        Chain(nn.ReLU6(), depthwise=True),
        Chain(nn.Hardswish(), depthwise=True),
        Chain(nn.ReLU(), depthwise=True, residual=True),
    ],
)
def test_what_is_not_exact_is_left_alone(network: nn.Module) -> None:
    graph = capture(network.eval(), SPEC).graph
    assert not list(pairs(graph))
