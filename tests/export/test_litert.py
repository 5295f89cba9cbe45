"""What LiteRT's converter makes of a program's constants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import Tensor, nn

from export.base import ExportSource
from export.description import Description
from export.format_info import NumberType
from export.formats import FORMATS
from export.inspection import inspect
from quantize.graph.capture import capture
from runtime_bench.runtimes import RUNTIMES
from tests.export.conftest import Workshop
from tests.export.small_exports import SmallExport
from tests.quantize.small_networks import noise_images, tiny_network
from zoo.input_spec import InputSpec


class EvenBias(nn.Module):
    """A layer with one bias for all channels, whose weights have unlike scales."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.even = nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 4, 3)
        with torch.no_grad():
            self.even.weight *= torch.tensor([1.0, 5.0, 0.2, 2.0]).reshape(4, 1, 1, 1)
            self.even.bias.fill_(0.5)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.even(torch.relu(self.first(x))).mean((2, 3))
        return result


def test_a_bias_of_one_value_keeps_each_channel_s_scale(tmp_path: Path) -> None:
    assert SmallExport(EvenBias(), tmp_path).sqnr("litert") > 30


def test_a_clamp_of_an_int8_value_changes_its_grid(tmp_path: Path) -> None:
    torch.manual_seed(0)
    pooled = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.MaxPool2d(3, 2),
        nn.ReLU(),
        nn.Conv2d(8, 4, 3),
        nn.Flatten(),
    )
    assert SmallExport(pooled, tmp_path).sqnr("litert") > 24


class Corners(nn.Module):
    """The last two rows and columns of transposed convolutions of one map."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 4, 3, stride=2)
        self.enlarge = nn.ModuleList(
            [
                nn.ConvTranspose2d(4, 4, 3, 2, 1, output_padding=1),
                nn.ConvTranspose2d(4, 4, 5, 3, 2, output_padding=(2, 1), groups=2),
                nn.ConvTranspose2d(4, 4, 2, 2, output_padding=1),  # Its last row is the bias alone.
                nn.ConvTranspose2d(4, 4, 4, 3, 1),
                nn.ConvTranspose2d(4, 4, 4, 2, 1),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        return torch.cat([part(x)[:, :, -2:, -2:].flatten(1) for part in self.enlarge], 1)


def test_transposed_convolutions_reach_the_edge(tmp_path: Path) -> None:
    small = SmallExport(Corners(), tmp_path, size=16)
    assert small.sqnr("litert", "fp32") > 80
    assert small.sqnr("litert") > 40


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_images_are_nhwc_and_nothing_is_transposed(
    workshop: Workshop, tmp_path: Path, precision: NumberType
) -> None:
    """Both layouts give the same answers; only that of the ecosystem has no transposition left."""
    graph = capture(tiny_network().module, workshop.program.input_spec).graph
    images, found = noise_images(4, seed=3), {}
    for layout in ("nhwc", "nchw"):
        path = tmp_path / f"{layout}.tflite"
        source = ExportSource(
            precision, workshop.program.input_spec, graph, workshop.program, layout=layout
        )
        FORMATS["litert"].export(source, path)
        interpreter = Interpreter(str(path))
        _, height, width = images.shape[1:]
        shape = tuple(interpreter.get_input_details()[0]["shape"])
        assert shape == ((1, height, width, 3) if layout == "nhwc" else (1, 3, height, width))
        operators = [entry["op_name"] for entry in interpreter._get_ops_details()]
        assert ("TRANSPOSE" in operators) == (layout == "nchw")
        session = RUNTIMES["litert"].load(path, 1)
        assert session.stored_shape == shape and session.input_shape == (1, 3, height, width)
        (found[layout],) = session.run(images).values()
    np.testing.assert_allclose(found["nhwc"], found["nchw"], atol=1e-5)


def test_weights_of_half_precision_outlive_the_description(tmp_path: Path) -> None:
    """ai-edge-quantizer puts constants of 256 KiB and more behind the flatbuffer."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.Flatten(), nn.Linear(8 * 15 * 15, 100))
    spec = InputSpec(32, 32)
    captured = capture(network.eval(), spec)
    about = Description("wide", "classification", tuple(map(str, range(100))), spec, "a", "0")
    source = ExportSource("fp16", spec, captured.graph, description=about)
    path = tmp_path / "model.tflite"
    FORMATS["litert"].export(source, path)
    assert 350_000 < path.stat().st_size < 450_000
    images = noise_images(3)
    (found,) = RUNTIMES["litert"].load(path, 1).run(images).values()
    expected = network(torch.from_numpy(images)).detach().numpy()
    assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()
    assert sum(inspect(path).weight_bytes.values()) > 350_000
