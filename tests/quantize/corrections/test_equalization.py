from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quantize.corrections.equalization import equalized, groups, is_depthwise
from quantize.graph.capture import capture
from quantize.graph.interpret import HookedInterpreter
from tests.quantize.small_networks import SPEC, Of

CHANNELS = 6
BETWEEN = [
    nn.ReLU(),
    nn.Identity(),
    nn.Upsample(scale_factor=2, mode="bilinear"),
    nn.Sequential(nn.Upsample(scale_factor=2), nn.ReLU(), nn.ReflectionPad2d(1)),
    Of(lambda x: F.leaky_relu(F.pad(x[:, :, 1:, 2:], (1, 2, 0, 1), mode="replicate"), 0.2)),
]


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
@pytest.mark.parametrize("between", BETWEEN)
def test_same_function_with_channels_more_alike(between: nn.Module, depthwise: bool) -> None:
    torch.manual_seed(0)
    graph = capture(Chain(between, depthwise=depthwise).eval(), SPEC).graph
    (group,) = groups(graph)
    (reader,) = group.readers
    assert is_depthwise(reader) == depthwise
    done, count = equalized(graph, _images(), batch=4)
    assert count == 1
    with torch.no_grad():
        torch.testing.assert_close(done(_images()), graph(_images()), rtol=1e-5, atol=1e-5)
    before, after = (_ranges(g, group.values[-1].name) for g in (graph, done))
    if depthwise:
        # Nothing to weigh against: channels become alike, as far as the largest factor goes.
        floor = before / before.max() * 100
        # Of a value and what moves of it, whose largest differ, the mean becomes alike.
        near = 1e-3 if isinstance(between, nn.ReLU | nn.Identity) else 0.2
        torch.testing.assert_close(after / after.max(), floor.clamp_max(1.0), rtol=near, atol=0)
    else:
        assert float(after.max() / after.min()) < float(before.max() / before.min()) ** 0.7


class Stage(nn.Module):
    """A squeeze-excited ReLU and two shortcuts, whose sums one hard-swish layer reads."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, CHANNELS, 3)
        self.squeeze, self.excite = (nn.Conv2d(CHANNELS, CHANNELS, 1) for _ in range(2))
        self.narrow = nn.Conv2d(CHANNELS, CHANNELS, 1)
        self.wide = nn.ModuleList(nn.Conv2d(CHANNELS, 2 * CHANNELS, 1) for _ in range(3))
        self.back = nn.ModuleList(nn.Conv2d(2 * CHANNELS, CHANNELS, 1) for _ in range(2))
        with torch.no_grad():
            for layer in (self.stem, self.narrow, *self.back):
                layer.weight *= torch.logspace(-2, 1, CHANNELS).reshape(-1, 1, 1, 1)
                layer.bias *= torch.logspace(-2, 1, CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        gate = F.hardsigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))
        x = self.narrow(x * gate)
        for wide, back in zip(self.wide[:2], self.back, strict=True):
            x = x + back(F.hardswish(wide(x)))
        return F.hardswish(self.wide[2](x)).mean((2, 3))


def test_a_stage_s_sums_and_a_gated_value_are_scaled_as_one() -> None:
    torch.manual_seed(0)
    graph = capture(Stage().eval(), SPEC).graph
    gated, squeezed, stream = groups(graph)
    assert [len(group.makers) for group in (gated, squeezed, stream)] == [1, 1, 3]
    assert [len(group.readers) for group in (gated, squeezed, stream)] == [2, 1, 3]
    done, count = equalized(graph, _images(), batch=4)
    assert count == 3
    with torch.no_grad():
        torch.testing.assert_close(done(_images()), graph(_images()), rtol=1e-4, atol=1e-4)
    for group in (gated, stream):
        before, after = (_ranges(g, group.values[-1].name) for g in (graph, done))
        assert float(after.max() / after.min()) < float(before.max() / before.min()) ** 0.7


def test_a_weight_that_two_layers_share_is_left_alone() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.twice = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.twice(torch.relu(self.twice(torch.relu(self.first(x))))).mean((2, 3))

    graph = capture(Shared().eval(), SPEC).graph
    assert not list(groups(graph))


@pytest.mark.parametrize(
    "network",
    [
        Chain(nn.ReLU6(), depthwise=True),
        Chain(nn.Hardswish(), depthwise=True),
        Chain(nn.ReLU(), depthwise=True, residual=True),
        Chain(Of(lambda x: F.pad(x[:, 1:], (0, 0, 0, 0, 1, 0))), depthwise=True),
    ],
)
def test_what_is_not_exact_is_left_alone(network: nn.Module) -> None:
    graph = capture(network.eval(), SPEC).graph
    assert not list(groups(graph))
