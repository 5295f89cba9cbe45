"""Segmenters that resize or answer inside, against torch on the logits of the main artefact."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.base import ExportSource
from export.description import Description
from export.format_info import FORMAT_INFO, NumberType, OutputForm
from export.formats import FORMATS
from export.output_forms import in_form, of_logits
from quantize.graph.capture import capture
from quantize.program import Program
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.class_maps import OneHot, gives_classes
from runtime_bench.runtimes.ports import FloatArray
from tests.export.test_description import READERS
from tests.quantize.small_networks import SPEC, noise_images
from zoo.networks import Network, Weights
from zoo.outputs import PIXEL_LOGITS

CLASSES = 5
FORMS = list(FORMAT_INFO)


class Segmenting(nn.Module):
    """A gate and a resize in front of the head, whose logits have a quarter of the size."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fine = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU())
        self.coarse = nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Sigmoid())
        self.head = nn.Conv2d(8, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.fine(x)
        coarse = self.coarse(fine)
        up = F.interpolate(coarse * self.gate(coarse), size=fine.shape[2:], mode="bilinear")
        logits: Tensor = self.head(fine + up)
        return logits


@cache
def _network() -> Network:
    labels = tuple(f"class {i}" for i in range(CLASSES))
    return Network(
        *("segmenting", Segmenting().eval(), SPEC, labels, CLASSES, "user"),
        Weights("random", seed=0),
        interface=PIXEL_LOGITS,
    )


@cache
def _program() -> Program:
    return quantize(_network(), noise_images(32), load_recipe("ptq-fast"))


def _source(precision: NumberType) -> ExportSource:
    network, program = _network(), _program()
    captured = capture(network.module, SPEC, network.interface)
    return ExportSource(
        precision,
        SPEC,
        program.graph if precision == "int8" else captured.graph,
        program if precision == "int8" else None,
        float_interface=captured.interface,
        description=Description(
            "segmenting", "segmentation", network.labels, SPEC, "ab" * 32, "1.2.3", "Apache-2.0"
        ),
    )


def _made(form: str, source: ExportSource, path: Path) -> dict[str, FloatArray]:
    FORMATS[form].export(source, path)
    return RUNTIMES[form].load(path, 1).run(noise_images(6, seed=9))


def _path(folder: Path, form: str, output: OutputForm) -> Path:
    return folder / f"{output}{FORMAT_INFO[form].suffix}"


@pytest.mark.parametrize("form", FORMS)
def test_classes_of_an_int8_program(form: str, tmp_path: Path) -> None:
    source = _source("int8")
    logits = _made(form, source, _path(tmp_path, form, "raw"))["logits"]
    path = _path(tmp_path, form, "classes")
    found = _made(form, in_form(source, "classes"), path)
    assert list(found) == ["classes"] and found["classes"].shape == (6, 32, 32)
    resized = F.interpolate(torch.tensor(logits), size=(32, 32), mode="bilinear")
    assert np.mean(found["classes"] == resized.argmax(1).numpy()) > 0.999
    told, _ = READERS[form](path) if form not in ("onnx", "coreml") else (_properties(path), None)
    (output,) = json.loads(told["outputs"])
    assert output == {
        "name": "classes",
        "shape": [1, 32, 32],
        "dtype": "uint8",
        "meaning": "class of each pixel",
    }


def _properties(path: Path) -> dict[str, str]:
    form = "onnx" if path.suffix == ".onnx" else "coreml"
    return dict(RUNTIMES[form].load(path, 1).properties)


@pytest.mark.parametrize("form", ["onnx", "coreml", "torchscript"])
def test_logits_at_the_input_s_size(form: str, tmp_path: Path) -> None:
    source = _source("fp32")
    logits = _made(form, source, _path(tmp_path, form, "raw"))["logits"]
    found = _made(form, in_form(source, "resized"), _path(tmp_path, form, "resized"))["logits"]
    resized = F.interpolate(torch.tensor(logits), size=(32, 32), mode="bilinear").numpy()
    assert np.abs(found - resized).max() < 1e-5 * np.abs(resized).max()


def test_the_types_of_the_files(tmp_path: Path) -> None:
    """8 bits a pixel: tensors of uint8, and in Core ML a picture of one channel."""
    import coremltools
    import onnxruntime

    source = in_form(_source("fp32"), "classes")
    onnx, coreml = (_path(tmp_path, form, "classes") for form in ("onnx", "coreml"))
    FORMATS["onnx"].export(source, onnx)
    (output,) = onnxruntime.InferenceSession(str(onnx)).get_outputs()
    assert (output.type, output.shape) == ("tensor(uint8)", [1, 32, 32])
    FORMATS["coreml"].export(source, coreml)
    (described,) = coremltools.utils.load_spec(str(coreml)).description.output
    picture = described.type.imageType
    gray = coremltools.proto.FeatureTypes_pb2.ImageFeatureType.GRAYSCALE
    assert (picture.height, picture.width, picture.colorSpace) == (32, 32, gray)


def test_of_equal_logits_the_lower_class() -> None:
    logits = np.zeros((2, 3, 2, 2), np.float32)
    logits[1, 2] = 1
    classes = of_logits({"logits": logits}, "classes", (4, 4))["classes"]
    assert (classes[0] == 0).all() and (classes[1] == 2).all()
    assert of_logits({"logits": logits}, "resized", (4, 4))["logits"].shape == (2, 3, 4, 4)


def test_a_network_that_resizes_by_itself_is_not_resized_again() -> None:
    class Whole(Segmenting):
        def forward(self, x: Tensor) -> Tensor:
            return F.interpolate(super().forward(x), size=x.shape[2:], mode="bilinear")

    captured = capture(Whole().eval(), SPEC, PIXEL_LOGITS)
    source = ExportSource("fp32", SPEC, captured.graph, float_interface=captured.interface)
    resizes = [
        sum("upsample" in str(node.target) for node in graph.graph.nodes)
        for graph in (captured.graph, in_form(source, "classes").graph)
    ]
    assert resizes == [2, 2]


def test_classes_as_logits() -> None:
    class Answering:
        output_names = ("classes",)

        def run(self, batch: FloatArray) -> dict[str, FloatArray]:
            return {"classes": np.array([[[0, 2]], [[1, 7]]], np.float32)}

    session = Answering()
    assert gives_classes(session)  # type: ignore[arg-type]
    (hot,) = OneHot(session, 3).run(np.zeros((2, 3, 1, 2), np.float32)).values()
    assert hot[0, :, 0].T.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert hot[1, :, 0].T.tolist() == [[0, 1, 0], [0, 0, 0]]
