"""Core ML packages that take a picture and answer by class, as Vision uses them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import coremltools
import numpy as np
import pytest

from export.base import ExportSource
from export.description import Description
from export.format_info import PICTURE, NumberType
from export.formats import FORMATS
from export.inspection import inspect
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.pixels import for_normalized
from stats.signal_to_noise import sqnr_db
from tasks.logits import logits_of
from tests.quantize.small_networks import normalized, photo_pixels, pixel_network
from zoo.input_spec import InputSpec

SPEC = InputSpec(32, 48)
LABELS = (*(f"class {index}" for index in range(8)), "crane", "crane")


@pytest.fixture(scope="module")
def source() -> ExportSource:
    images = normalized(photo_pixels(24, SPEC), SPEC)
    program = quantize(pixel_network(SPEC), images, load_recipe("ptq-fast"))
    about = Description("pictures", "classification", LABELS, SPEC, "ab" * 32, "1.2.3")
    return ExportSource("int8", SPEC, program.graph, program, description=about)


@pytest.mark.parametrize(
    ("precision", "least_db"), [("fp32", 100.0), ("fp16", 45.0), ("int8", 35.0)]
)
def test_a_picture_gets_the_tensor_s_answers(
    source: ExportSource, tmp_path: Path, precision: NumberType, least_db: float
) -> None:
    made = replace(source, precision=precision, shared={})
    if precision != "int8":
        made = replace(made, program=None)
    tensor, picture = tmp_path / "tensor.mlpackage", tmp_path / "picture.mlpackage"
    FORMATS["coreml"].export(made, tensor)
    FORMATS["coreml"].export(made, picture, PICTURE)
    pixels = photo_pixels(24, SPEC)[16:]
    images = normalized(pixels, SPEC)
    expected = logits_of(RUNTIMES["coreml"].load(tensor, 1).run(images))
    session = RUNTIMES["coreml"].load(picture, 1)
    assert session.output_names == ("logits",)
    found = logits_of(session.run(pixels.astype(np.float32)))
    ratio = sqnr_db(expected, found)
    assert ratio is None or ratio > least_db
    assert np.array_equal(logits_of(for_normalized(session, SPEC).run(images)), found)


def test_it_is_what_vision_asks_for(source: ExportSource, tmp_path: Path) -> None:
    """An image in, a label and a dictionary of probabilities out (VNCoreMLModel)."""
    path = tmp_path / "picture.mlpackage"
    FORMATS["coreml"].export(source, path, PICTURE)
    description = coremltools.utils.load_spec(str(path)).description
    (given,) = description.input
    assert given.type.WhichOneof("Type") == "imageType"
    assert (given.type.imageType.width, given.type.imageType.height) == (48, 32)
    rgb = given.type.imageType.ColorSpace.Value("RGB")
    assert given.type.imageType.colorSpace == rgb
    kinds = {output.name: output.type.WhichOneof("Type") for output in description.output}
    assert kinds == {
        "classLabel": "stringType",
        "classLabel_probs": "dictionaryType",
        "logits": "multiArrayType",
    }
    assert description.predictedFeatureName == "classLabel"
    assert description.predictedProbabilitiesName == "classLabel_probs"
    assert description.metadata.author == "fbdeploy"
    found = inspect(path)
    assert found.inputs[0].dtype == "image" and found.inputs[0].shape == (1, 3, 32, 48)
    assert found.int8_share == 1.0
