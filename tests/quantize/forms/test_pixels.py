"""Programs that read pixels, against what the program itself makes of the normalized image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from quantize.forms.pixels import PIXELS, from_pixels, takes_pixels
from quantize.judging import sqnr_db
from quantize.program import Program
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from tests.quantize.small_networks import normalized, photo_pixels, pixel_network
from zoo.input_spec import InputSpec

IMAGENET = InputSpec(32, 32)
#: 255 times the mean is 127.5: half a pixel off the nearest zero point.
HALVES = InputSpec(32, 32, (0.5,) * 3, (0.5,) * 3)


def _program(spec: InputSpec, module: nn.Module | None = None) -> tuple[Program, NDArray[np.uint8]]:
    pixels = photo_pixels(24, spec)
    network = pixel_network(spec)
    if module is not None:
        network = replace(network, module=module.eval())
    return quantize(network, normalized(pixels, spec), load_recipe("ptq-fast")), pixels[16:]


def _answers(program: Program, images: NDArray[np.float32]) -> Tensor:
    found: Tensor = program.module()(torch.from_numpy(images))
    return found


def test_a_normalization_a_channel_is_a_convolution_on_the_program_s_own_grid() -> None:
    program, pixels = _program(IMAGENET)
    made = from_pixels(program)
    (image,) = (n for n in made.graph.graph.nodes if n.op == "placeholder")
    assert made.qparams(image.name) == PIXELS
    (reader,) = image.users
    grid = program.qparams(image.name)
    assert grid is not None and made.qparams(reader.name) == grid
    # By hand: every pixel value of every channel, to the program's own int8 input.
    values = np.broadcast_to(np.arange(256, dtype=np.uint8), (1, 3, 16, 256)).copy()
    wanted = grid.fake_quantize(torch.from_numpy(normalized(values, IMAGENET)))
    weight, shift = made.weights[reader.name], -np.array(IMAGENET.mean) / IMAGENET.std
    scaled = values * weight.dequantize().numpy().reshape(1, 3, 1, 1)
    found = grid.fake_quantize(torch.from_numpy(scaled + shift.reshape(1, 3, 1, 1)).float())
    assert float((found - wanted).abs().max()) <= 1.001 * grid.scale
    assert float((found != wanted).float().mean()) < 0.01
    expected = _answers(program, normalized(pixels, IMAGENET))
    assert sqnr_db(expected, _answers(made, pixels.astype(np.float32))) > 30


@pytest.mark.parametrize("spec", [HALVES, InputSpec(32, 32, (0.0,) * 3, (1.0,) * 3)])
def test_one_normalization_for_all_channels_is_a_grid(spec: InputSpec) -> None:
    program, pixels = _program(spec)
    made = from_pixels(program)
    assert len(list(made.graph.graph.nodes)) == len(list(program.graph.graph.nodes))
    (image,) = (n for n in made.graph.graph.nodes if n.op == "placeholder")
    grid = made.qparams(image.name)
    assert grid is not None and grid.scale == pytest.approx(1 / (255 * spec.std[0]))
    assert grid.zero_point == round(255 * spec.mean[0]) - 128
    read = (pixels.astype(np.float32) - (grid.zero_point + 128)) * np.float32(grid.scale)
    expected = _answers(program, normalized(pixels, spec))
    assert sqnr_db(expected, _answers(made, read)) > 25
    # What the zero point is rounded by is in the biases: away from the border nothing is off.
    layer = next(n for n in made.graph.graph.nodes if n.name in made.weights)
    off = _first_layer(made, layer.name, read) - _first_layer(
        program, layer.name, normalized(pixels, spec)
    )
    assert float(off[..., 1:-1, 1:-1].abs().max()) < 1e-5


def _first_layer(program: Program, name: str, images: NDArray[np.float32]) -> Tensor:
    """The first convolution's result of unrounded images, before its activation."""
    from quantize.graph.passes.surgery import bias_of

    node = next(n for n in program.graph.graph.nodes if n.name == name)
    _, _, _, stride, padding, *_ = node.args
    weight = program.weights[name].dequantize()
    x, bias = torch.from_numpy(images), bias_of(program.graph, node)
    found: Tensor = nn.functional.conv2d(x, weight, bias, tuple(stride), tuple(padding))
    return found


class _ReadTwice(nn.Module):
    """An image that is pooled and goes to a layer, so that two read it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 1)
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        pooled = nn.functional.max_pool2d(x, 2)
        joined = nn.functional.max_pool2d(torch.relu(self.a(x)), 2) + self.b(pooled)
        return self.head(joined.mean((2, 3)))


def test_what_is_no_layer_reads_the_program_s_own_input() -> None:
    torch.manual_seed(0)
    program, pixels = _program(HALVES, _ReadTwice())
    made = from_pixels(program)
    assert len(made.weights) == len(program.weights) + 1
    expected = _answers(program, normalized(pixels, HALVES))
    assert sqnr_db(expected, _answers(made, pixels.astype(np.float32))) > 30


def test_a_program_with_a_float_input_takes_no_pixels() -> None:
    network = pixel_network(IMAGENET)
    images = normalized(photo_pixels(8, IMAGENET), IMAGENET)
    program = quantize(network, images, load_recipe("weights-only"))
    assert not takes_pixels(program)
    with pytest.raises(ValueError, match="not int8"):
        from_pixels(program)
