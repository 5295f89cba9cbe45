"""Transposed convolutions as convolutions and shuffles: the same function, all of it in int8."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn

from quantize.graph.capture import capture
from quantize.graph.passes import INTEGER_FORMS, run
from quantize.graph.passes.surgery import aten, calls, is_call
from quantize.graph.passes.transposed import transposed_as_shuffled
from tests.quantize.small_networks import SPEC, Of, noise_images

#: Kernel, stride, padding and what is added at the end, along a dimension: U-Nets, mask heads,
#: pose heads, what reaches beyond the last whole place, gaps, none, and paddings of whole places.
ALONG = [(2, 2, 0, 0), (4, 2, 1, 0), (3, 2, 1, 1), (3, 2, 0, 1), (1, 2, 0, 0), (7, 2, 3, 1)]
ALONG += [(5, 2, 2, 0), (2, 2, 0, 1), (6, 2, 4, 1)]


@pytest.mark.parametrize(("rows", "columns"), [(a, b) for a, b in product(ALONG, ALONG) if a <= b])
def test_the_function_stays(rows: tuple[int, ...], columns: tuple[int, ...]) -> None:
    kernel, stride, padding, extra = zip(rows, columns, strict=True)
    _check(nn.ConvTranspose2d(3, 5, kernel, stride, padding, extra))


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(3, 4, 3, 1, 1),
        nn.ConvTranspose2d(3, 4, (4, 2), 1, bias=False),
        nn.ConvTranspose2d(3, 2, 5, 3, 1, bias=False),
        nn.ConvTranspose2d(3, 2, 4, 4),
    ],
)
def test_other_strides(layer: nn.ConvTranspose2d) -> None:
    _check(layer)


def _check(layer: nn.ConvTranspose2d) -> None:
    torch.manual_seed(0)
    module = Of(layer).eval()
    graph = capture(module, SPEC).graph
    assert run(graph, (transposed_as_shuffled,)) == {"transposed_as_shuffled": 1}
    assert not list(calls(graph, aten.conv_transpose2d.input))
    images = torch.from_numpy(noise_images(2))
    with torch.no_grad():
        torch.testing.assert_close(graph(images), module(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(3, 6, 2, 2, groups=3),
        nn.ConvTranspose2d(3, 4, 3, 2, dilation=2),
        nn.ConvTranspose2d(3, 4, 2, (2, 1)),
    ],
)
def test_what_no_shuffle_makes_stays(layer: nn.ConvTranspose2d) -> None:
    graph = capture(Of(layer).eval(), SPEC).graph
    assert run(graph, (transposed_as_shuffled,)) == {"transposed_as_shuffled": 0}


def test_a_clamp_behind_it_is_the_layers() -> None:
    layers = nn.Sequential(nn.ConvTranspose2d(3, 4, 4, 2, 1), nn.ReLU6())
    graph = capture(Of(layers).eval(), SPEC).graph
    run(graph, INTEGER_FORMS)
    (clamp,) = calls(graph, aten.hardtanh.default)
    assert is_call(clamp.args[0], aten.conv2d.default)
