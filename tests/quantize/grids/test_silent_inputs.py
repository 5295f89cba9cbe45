"""Weights on inputs that are always zero set no scale."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from quantize.graph.capture import Captured, capture
from quantize.graph.passes.surgery import aten, calls, tensor_of
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from tests.quantize.small_networks import SPEC, noise_images, tiny_network


class Silent(nn.Module):
    """``silent`` of 8 channels never leave zero; ``behind`` reads them by weights of ``size``."""

    def __init__(self, silent: int, size: float, linear: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, stride=2)
        self.behind = nn.Linear(8, 6) if linear else nn.Conv2d(8, 6, 1)
        self.linear = linear
        with torch.no_grad():
            self.first.bias[:silent] = -100.0
            self.behind.weight[:, :silent] = size

    def forward(self, x: Tensor) -> Tensor:
        maps = torch.relu(self.first(x))
        result: Tensor = self.behind(maps.mean((2, 3)) if self.linear else maps)
        return result if self.linear else result.mean((2, 3))


def sqnr(captured: Captured) -> float:
    program = quantize_captured(captured, tiny_network(), noise_images(16), load_recipe("ptq-fast"))
    return program.summary.sqnr_db


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("silent", [1, 6])
def test_huge_weights_of_silent_inputs_cost_nothing(silent: int, linear: bool) -> None:
    small, huge = (capture(Silent(silent, size, linear), SPEC) for size in (0.1, 1e6))
    assert abs(sqnr(huge) - sqnr(small)) < 3
    assert sqnr(huge) > 30


def test_what_is_heard_keeps_its_weight() -> None:
    module = Silent(1, 3.0, linear=False)
    with torch.no_grad():
        module.first.bias[0] = 0.5
    captured = capture(module, SPEC)
    program = quantize_captured(captured, tiny_network(), noise_images(16), load_recipe("ptq-fast"))
    layer = list(calls(program.graph, aten.conv2d.default))[1]
    assert float(tensor_of(program.graph, layer.args[1])[:, 0].min()) == 3.0
    assert program.summary.passes["clip_silent_weights"] == 0
