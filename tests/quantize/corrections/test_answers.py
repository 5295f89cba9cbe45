"""Logits of a segmenter that is sure in places: the grid serves where it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.base import ExportSource
from export.formats import FORMATS
from quantize.corrections.answers import narrowed
from quantize.judging import Judge, sqnr_db
from quantize.ptq import quantize
from quantize.qparams import QParams, from_range
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from tests.quantize.small_networks import SPEC, noise_images
from zoo.networks import Network, Weights
from zoo.outputs import Interface, OutputSpec


class Sure(nn.Module):
    """Two logits, -x and x, of a sum of colours that a few dark pixels have ``gain`` times."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.parts, self.answer = nn.Conv2d(3, 2, 1), nn.ConvTranspose2d(2, 2, 2, 2)
        with torch.no_grad():
            self.parts.weight.copy_(torch.tensor([[1.0] * 3, [-1.0] * 3])[..., None, None])
            self.parts.bias.copy_(torch.tensor([0.0, -3.0]))
            self.answer.weight.copy_(
                torch.tensor([[-1.0, 1.0], [gain, -gain]])[..., None, None].expand(2, 2, 2, 2)
            )
            self.answer.bias.copy_(torch.tensor([1.0, -1.0]))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.answer(self.parts(x).relu())
        return logits


def segmenter(gain: float) -> Network:
    interface = Interface("segmentation", (OutputSpec("logits", (1, 2, 64, 64)),))
    return Network(
        "sure",
        Sure(gain).eval(),
        SPEC,
        ("dark", "light"),
        2,
        "user",
        Weights("random"),
        interface=interface,
    )


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    return 2 * noise_images(48)


def test_half_sure_pixels_have_an_answer() -> None:
    """Nine of ten pixels are sure, with logits as MediaPipe's segmenter has them."""
    generator = torch.Generator().manual_seed(0)
    sizes = torch.where(torch.arange(100) % 10 == 0, 2.0, 500.0)
    one = torch.randn(4, 1, 20, 100, generator=generator) * sizes
    logits = torch.cat([-one, one], 1)
    interface = segmenter(1.0).interface
    judge = Judge(torch.zeros(4, 3, 8, 8), {"logits": logits}, interface, 4)
    wide = from_range(float(logits.min()), float(logits.max()))
    grid = narrowed(wide, judge)

    def answered(grid: QParams) -> float:
        found = grid.fake_quantize(logits)
        return float(((found[:, 1] > found[:, 0]) | (found[:, 1] < found[:, 0])).float().mean())

    assert answered(wide) < 0.93
    assert answered(grid) > 0.995


def test_the_clamp_is_in_the_artefact(images: NDArray[np.float32], tmp_path: Path) -> None:
    network = segmenter(gain=300.0)
    program = quantize(network, images[:32], load_recipe("ptq-fast"))
    with torch.no_grad():
        assert network.module(torch.from_numpy(images[32:])).abs().max() > 500
        wanted = program.module()(torch.from_numpy(images[32:]))
    assert wanted.abs().max() < 50
    path = tmp_path / "model.onnx"
    FORMATS["onnx"].export(ExportSource("int8", SPEC, program.graph, program), path)
    (found,) = RUNTIMES["onnx"].load(path, threads=1).run(images[32:]).values()
    assert sqnr_db(wanted, torch.from_numpy(found)) > 40


def test_logits_of_one_size_keep_their_range(images: NDArray[np.float32]) -> None:
    network = segmenter(gain=1.0)
    program = quantize(network, images[:32], load_recipe("ptq-fast"))
    with torch.no_grad():
        largest = float(network.module(torch.from_numpy(images[:32])).abs().max())
        found = float(program.module()(torch.from_numpy(images[:32])).abs().max())
    assert found > 0.9 * largest
