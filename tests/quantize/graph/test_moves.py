"""Moved values in forms that kernels take: the function stays, the pattern goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.fx import GraphModule

from quantize.graph.capture import capture
from quantize.graph.passes import INTEGER_FORMS, run
from quantize.graph.passes.surgery import aten, calls, is_call
from tests.quantize.small_networks import SPEC, noise_images


class Moved(nn.Module):
    def __init__(self, function: Callable[[Tensor, nn.Module], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.function = nn.Conv2d(3, 4, 3), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, self.layer)


def captured(function: Callable[[Tensor, nn.Module], Tensor]) -> GraphModule:
    module = Moved(function).eval()
    graph = capture(module, SPEC).graph
    run(graph, INTEGER_FORMS)
    x = torch.from_numpy(noise_images(3))
    with torch.no_grad():
        torch.testing.assert_close(graph(x), module(x), rtol=1e-5, atol=1e-5)
    return graph


@pytest.mark.parametrize(
    "function",
    [
        lambda x, layer: F.relu(F.max_pool2d(layer(x), 3, 2, 1)),
        lambda x, layer: F.relu6(F.pixel_unshuffle(layer(x), 2).flatten(1)),
        lambda x, layer: F.relu(torch.cat([layer(x), layer(x)], 1)),
    ],
)
def test_a_clamp_stands_behind_its_layer(
    function: Callable[[Tensor, nn.Module], Tensor],
) -> None:
    for clamp in calls(captured(function), aten.relu.default, aten.hardtanh.default):
        assert is_call(clamp.args[0], aten.conv2d.default)


def test_a_clamp_of_what_others_read_stays() -> None:
    def preactivation(x: Tensor, layer: nn.Module) -> Tensor:
        pooled = F.max_pool2d(layer(x), 2)
        return pooled + F.relu(pooled)

    (clamp,) = calls(captured(preactivation), aten.relu.default)
    assert is_call(clamp.args[0], aten.max_pool2d.default)


def test_sums_broadcast_what_was_expanded_for_them() -> None:
    graph = captured(
        lambda x, layer: (
            x * layer(x).mean((1, 2, 3), keepdim=True).expand_as(x)
            + x.mean((2, 3), keepdim=True).expand(-1, -1, 32, 32)
        )
    )
    assert not list(calls(graph, aten.expand.default, aten.expand_as.default))


def test_a_repeated_value_is_joined_with_itself() -> None:
    graph = captured(lambda x, layer: layer(x)[:, :1].repeat(1, 3, 2, 1))
    assert not list(calls(graph, aten.repeat.default))
    assert len(list(calls(graph, aten.cat.default))) == 2


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv1d(3, 4, 5, stride=2, padding=2, bias=False),
        nn.Conv1d(3, 6, 3, dilation=2, padding="same", groups=3),
    ],
)
def test_a_convolution_of_rows_is_one_of_maps(layer: nn.Module) -> None:
    graph = captured(lambda x, _: layer(x.flatten(2)))
    assert not list(calls(graph, aten.conv1d.default, aten.conv1d.padding))
    assert list(calls(graph, aten.conv2d.default))
