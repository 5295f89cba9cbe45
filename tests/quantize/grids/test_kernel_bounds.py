"""Grids that kernels take: raised where a ratio is out of bounds, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quantize.graph.capture import capture
from quantize.graph.passes import INTEGER_FORMS, run
from quantize.graph.passes.surgery import aten, calls, tensor_of
from quantize.graph.plan import Plan, plan
from quantize.grids.kernel_bounds import within_kernels
from quantize.program import Program
from quantize.qparams import QParams, from_range
from tests.quantize.small_networks import SPEC


class Kinds(nn.Module):
    """A layer, a sum, a product and a pool."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        a, b = F.leaky_relu(self.a(x)), self.b(x)
        return F.avg_pool2d((a + b) * b, 2).mean((2, 3))


@pytest.fixture(scope="module")
def kinds() -> tuple[torch.fx.GraphModule, Plan, dict[str, QParams]]:
    graph = capture(Kinds(), SPEC).graph
    run(graph, INTEGER_FORMS)
    chosen = plan(graph)
    return graph, chosen, dict.fromkeys(chosen.observed, from_range(-2.0, 2.0))


def test_a_trained_network_keeps_its_grids(program: Program) -> None:
    grids = within_kernels(program.graph, program.plan, program.activations)
    assert grids == program.activations


@pytest.mark.parametrize(
    ("target", "largest"),
    [
        (aten.add.Tensor, 2**8),
        (aten.mul.Tensor, 2**8),
        (aten.avg_pool2d.default, 2**8),
        (aten.leaky_relu.default, 2**7),
    ],
)
def test_what_is_written_is_raised(
    kinds: tuple[torch.fx.GraphModule, Plan, dict[str, QParams]], target: object, largest: int
) -> None:
    graph, chosen, grids = kinds
    node = next(calls(graph, target))
    found = within_kernels(graph, chosen, grids | {node.name: QParams(2.0**-24, -128)})
    read = grids[node.args[0].name].scale
    factor = grids[node.args[1].name].scale if target == aten.mul.Tensor else 1.0
    assert read * factor / found[node.name].scale <= largest
    assert found[node.name].zero_point == -128


def test_a_layer_s_ratio_counts_its_largest_weight() -> None:
    torch.manual_seed(0)
    graph = capture(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), SPEC).graph
    run(graph, INTEGER_FORMS)
    chosen, layer = plan(graph), next(calls(graph, aten.conv2d.default))
    read = from_range(-2.0, 2.0)
    grids = dict.fromkeys(chosen.observed, read) | {layer.name: QParams(2.0**-24, -128)}
    found = within_kernels(graph, chosen, grids)
    weight = float(tensor_of(graph, layer.args[1]).abs().max()) / 127
    ratio = read.scale * weight / found[layer.name].scale
    assert 2**6 < ratio < 2**8


def test_an_addend_of_which_nothing_could_be_told_apart_is_raised(
    kinds: tuple[torch.fx.GraphModule, Plan, dict[str, QParams]],
) -> None:
    graph, chosen, grids = kinds
    add = next(calls(graph, aten.add.Tensor))
    tiny = replace(grids[add.args[0].name], scale=1e-7)
    found = within_kernels(graph, chosen, grids | {add.args[0].name: tiny})
    assert found[add.args[0].name].scale / found[add.name].scale >= 2**-10
    assert found[add.name] == grids[add.name]
