"""What becomes int8, and what its range may leave out."""

from __future__ import annotations

import math

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
    assert limits(before) == (-3.0, math.inf)
    assert limits(swish) == (-0.375, math.inf)
    run(graph, INTEGER_FORMS)
    gate = next(calls(graph, aten.hardtanh.default))
    assert limits(gate) == (0.0, 1.0)
    relu = next(calls(graph, aten.relu.default))
    assert limits(relu) == (0.0, math.inf)


def test_every_layer_of_an_fbnet_is_planned() -> None:
    graph = capture(tiny_network().module, SPEC).graph
    run(graph, INTEGER_FORMS)
    chosen = plan(graph)
    layers = [n.name for n in calls(graph, aten.conv2d.default, aten.linear.default)]
    assert list(chosen.weighted) == layers
    for pool in calls(graph, aten.adaptive_avg_pool2d.default):
        assert pool.name in chosen.observed  # the squeeze-excite pool's own scale
