"""What becomes int8, and what its range may leave out."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quantize.graph.capture import capture
from quantize.graph.passes import INTEGER_FORMS, run
from quantize.graph.passes.surgery import aten, calls
from quantize.graph.plan import limits, plan
from tests.quantize.small_networks import SPEC, tiny_network


class Branchy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([F.relu6(self.a(x)), F.hardswish(self.b(x))], 1)
        y = F.pad(F.max_pool2d(y, 2), (0, 1, 0, 1))
        return self.head(y.mean((2, 3)))


class Logarithm(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x + 1e-9)


def test_value_before_a_fused_clamp_is_not_observed() -> None:
    graph = capture(Branchy(), SPEC).graph
    chosen = plan(graph)
    conv = next(calls(graph, aten.conv2d.default))
    clamp = next(calls(graph, aten.hardtanh.default))
    assert conv.name not in chosen.observed
    assert chosen.owner(clamp.name) is not None


def test_concatenation_pads_and_pools_share_one_grid() -> None:
    graph = capture(Branchy(), SPEC).graph
    chosen = plan(graph)
    names = [n.name for n in calls(graph, aten.cat.default, aten.max_pool2d.default)]
    names += [n.name for n in graph.graph.nodes if "pad" in str(n.target)]
    names += [next(calls(graph, aten.hardtanh.default)).name]
    names += [next(calls(graph, aten.hardswish.default)).name]
    assert len(names) == 5
    assert len({chosen.owner(name) for name in names}) == 1


def test_limits_are_what_readers_can_tell_apart() -> None:
    graph = capture(tiny_network().module, SPEC).graph
    swish = next(calls(graph, aten.hardswish.default))
    before = swish.args[0]
    assert isinstance(before, torch.fx.Node)
    first = plan(graph)
    assert limits(before, first) == (-3.0, math.inf)
    assert limits(swish, first) == (-0.375, math.inf)
    run(graph, INTEGER_FORMS)
    chosen = plan(graph)
    gate = next(calls(graph, aten.hardtanh.default))
    assert limits(gate, chosen) == (0.0, 1.0)
    relu = next(calls(graph, aten.relu.default))
    assert limits(relu, chosen) == (0.0, math.inf)


def test_a_sigmoid_saturates_only_where_it_is_int8() -> None:
    """A logarithm behind it, in float, tells its smallest values apart."""

    def before(last: nn.Module) -> tuple[float, float]:
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sigmoid(), last, nn.Conv2d(4, 2, 1))
        graph = capture(network.eval(), SPEC).graph
        sigmoid = next(calls(graph, aten.sigmoid.default))
        read = sigmoid.args[0]
        assert isinstance(read, torch.fx.Node)
        return limits(read, plan(graph))

    low, high = before(nn.Identity())
    assert torch.sigmoid(torch.tensor([low, high])).mul(256).tolist() == pytest.approx(
        [0.5, 254.5], abs=0.01
    )
    assert before(Logarithm()) == (-math.inf, math.inf)


def test_every_layer_of_an_fbnet_is_planned() -> None:
    graph = capture(tiny_network().module, SPEC).graph
    run(graph, INTEGER_FORMS)
    chosen = plan(graph)
    layers = [n.name for n in calls(graph, aten.conv2d.default, aten.linear.default)]
    assert list(chosen.weighted) == layers
    for pool in calls(graph, aten.adaptive_avg_pool2d.default):
        assert pool.name in chosen.observed  # the squeeze-excite pool's own scale


class Pooled(nn.Module):
    """A head on parts of a map that the map itself chooses, as in a detector of two stages."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.where = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.head, self.scores = nn.Conv2d(4, 4, 1), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = F.relu(self.trunk(x))
        corners = self.where(features).mean((2, 3))  # (N, 4)
        start, size = corners[:, :2].exp(), corners[:, 2:].exp()
        centre = start + size
        places = torch.arange(float(x.shape[3]))
        weight = F.relu(1.0 - (centre[:, :1, None] - places).abs())  # (N, 1, W)
        pooled = torch.matmul(features, weight.transpose(1, 2).unsqueeze(1))
        scores = self.scores(F.relu(self.head(pooled)).mean((2, 3)))
        return scores, F.relu(centre * (start + size)) - start


def test_what_is_computed_of_float_operators_results_is_float() -> None:
    graph = capture(Pooled(), SPEC).graph
    chosen = plan(graph)
    assert len(chosen.weighted) == 4
    first = next(calls(graph, aten.exp.default))
    behind = list(graph.graph.nodes)[list(graph.graph.nodes).index(first) :]
    arithmetic = [n for n in behind if n.target in (aten.add.Tensor, aten.mul.Tensor)]
    assert len(arithmetic) >= 3
    assert [n.name for n in arithmetic if chosen.owner(n.name)] == []
    product = next(calls(graph, aten.matmul.default))
    assert product.name in chosen.observed  # what the head reads
    relus = [chosen.owner(n.name) is not None for n in calls(graph, aten.relu.default)]
    assert relus == [True, False, True, False]


class Gated(nn.Module):
    """Residuals and gates, made by float operators in part."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        y = y * F.gelu(y)  # read by a layer
        y = F.softmax(y, dim=1) + self.b(y)  # beside a layer
        return self.head(F.gelu(y).mean((2, 3)))


def test_arithmetic_beside_or_in_front_of_a_layer_is_in_integers() -> None:
    graph = capture(Gated(), SPEC).graph
    chosen = plan(graph)
    found = [chosen.owner(n.name) for n in calls(graph, aten.mul.Tensor, aten.add.Tensor)]
    assert len(found) == 2 and None not in found
