"""The QDQ graph is one that onnxruntime fuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from export.base import ExportSource
from export.formats import FORMATS
from export.inspection import inspect
from quantize.judging import sqnr_db
from quantize.ptq import quantize
from quantize.qparams import QMIN, QParams
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from tasks.logits import logits_of
from tests.export.conftest import Workshop
from tests.export.small_exports import SmallExport
from tests.quantize.small_networks import SPEC, Activation, joined_ranges, noise_images
from zoo.networks import Network, Weights


def initializers(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {e.name: onnx.numpy_helper.to_array(e) for e in model.graph.initializer}


@pytest.mark.parametrize(("variant", "kind"), [("", np.uint8), ("s8s8", np.int8)])
def test_activations_have_the_variant_s_type(workshop: Workshop, variant: str, kind: type) -> None:
    model = onnx.load(workshop.make("onnx", "int8", variant).path)
    values = initializers(model)
    quantizes = [n for n in model.graph.node if n.op_type == "QuantizeLinear"]
    assert {values[n.input[2]].dtype.type for n in quantizes} == {kind}


def test_biases_are_int32_at_the_product_of_the_scales(workshop: Workshop) -> None:
    model = onnx.load(workshop.make("onnx", "int8").path)
    values = initializers(model)
    made_by = {name: n for n in model.graph.node for name in n.output}
    layers = [n for n in model.graph.node if n.op_type in ("Conv", "Gemm")]
    assert len(layers) == len(workshop.program.weights)
    for layer in layers:
        source, weight, bias = (made_by[name] for name in layer.input)
        assert values[bias.input[0]].dtype == np.int32
        product = values[source.input[1]] * values[weight.input[1]]
        np.testing.assert_allclose(values[bias.input[1]], product, rtol=1e-6)


def test_both_variants_have_the_same_weights(workshop: Workshop) -> None:
    models = [onnx.load(workshop.make("onnx", "int8", v).path) for v in ("", "s8s8")]
    weights = [
        {k: v for k, v in initializers(m).items() if v.dtype == np.int8 and v.ndim == 4}
        for m in models
    ]
    assert weights[0]
    for name, value in weights[0].items():
        np.testing.assert_array_equal(value, weights[1][name])


def test_global_pools_are_pools(workshop: Workshop) -> None:
    model = onnx.load(workshop.make("onnx", "int8").path)
    kinds = [n.op_type for n in model.graph.node]
    assert kinds.count("GlobalAveragePool") == 2
    assert "ReduceMean" not in kinds


@pytest.mark.parametrize("variant", ["", "s8s8"])
@pytest.mark.parametrize(
    "clamp",
    [torch.relu, nn.functional.relu6, lambda x: x.clamp(-0.25, 0.5)],
    ids=["relu", "relu6", "clamp"],
)
def test_a_clamp_within_its_grid_is_one_of_integers(
    tmp_path: Path, clamp: Activation, variant: str
) -> None:
    """In all of them the clamped value is joined with one of a wider range."""
    program = quantize(joined_ranges(clamp), noise_images(64), load_recipe("ptq-fast"))
    exporter, path = FORMATS["onnx"], tmp_path / "model.onnx"
    result = exporter.export(ExportSource("int8", SPEC, program.graph, program), path, variant)
    assert result.passes["integer_clamp"] == 1
    if not variant:  # x86 fuses few layers of int8 activations, whatever is between
        assert inspect(path).int8_share == 1.0
    images = noise_images(16, seed=7)
    found = torch.from_numpy(logits_of(RUNTIMES["onnx"].load(path, threads=1).run(images)))
    with torch.no_grad():
        expected = program.module()(torch.from_numpy(images))
    assert sqnr_db(expected, found) > 40


class Gate(nn.Module):
    """A softmax that a layer reads, so that it is on a grid of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.weigh, self.head = nn.Linear(8, 2), nn.Linear(2, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.softmax(self.weigh(self.stem(x).mean((2, 3))), -1))


@pytest.mark.parametrize("variant", ["", "s8s8"])
def test_a_softmax_saturates_at_the_end_of_its_grid(tmp_path: Path, variant: str) -> None:
    torch.manual_seed(0)
    network = Network("gate", Gate().eval(), SPEC, (), 5, "user", Weights("random"))
    program = quantize(network, noise_images(64), load_recipe("ptq-fast"))
    # One of two weights is at least 1/2.
    narrow = {"softmax": QParams(0.45 / 255, QMIN)}
    program = replace(program, activations=program.activations | narrow)
    exporter, path = FORMATS["onnx"], tmp_path / "model.onnx"
    result = exporter.export(ExportSource("int8", SPEC, program.graph, program), path, variant)
    assert result.passes["saturating_softmax"] == 1
    images = noise_images(16, seed=7)
    found = torch.from_numpy(logits_of(RUNTIMES["onnx"].load(path, threads=1).run(images)))
    with torch.no_grad():
        expected = program.module()(torch.from_numpy(images))
    assert sqnr_db(expected, found) > 40


def test_a_transposed_convolution_keeps_its_float_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1),
        nn.ConvTranspose2d(8, 8, 2, stride=2, groups=2),
        nn.Conv2d(8, 5, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    # A channel so large that one scale for all weights would leave the others nothing.
    with torch.no_grad():
        module[1].weight[:, 0] *= 100
        module[2].weight[:, [0, 4]] /= 100
    assert SmallExport(module, tmp_path).sqnr("onnx") > 40


def test_layers_with_equal_integers_do_not_share_a_weight(tmp_path: Path) -> None:
    """Scales a channel: all integers are 127, so that onnxruntime could not make them exact."""
    torch.manual_seed(0)
    parts = [nn.Conv2d(8, 8, 1, groups=8, bias=False) for _ in range(3)]
    for part in parts:
        nn.init.uniform_(part.weight, 1, 2)
    layers = [nn.Conv2d(3, 8, 3, 2, 1), *parts, nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    small = SmallExport(nn.Sequential(*layers, nn.Linear(8, 5)), tmp_path, size=8)
    assert small.sqnr("onnx") > 30
    model = onnx.load(small.export("onnx"))
    int8 = {name for name, value in initializers(model).items() if value.dtype == np.int8}
    stored = [
        n.input[i] for n in model.graph.node for i in range(3) if n.input[i:] and n.input[i] in int8
    ]
    assert len(stored) == len(set(stored)) == 2 * 5
