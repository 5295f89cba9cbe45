"""int8 weights beside float activations, in the formats that can hold them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from export.base import ExportSource
from export.format_info import FORMAT_INFO
from export.formats import FORMATS, left_out
from export.inspection import inspect
from quantize import judging
from quantize.program import Program
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from tasks.logits import logits_of
from tests.export.conftest import Workshop
from tests.quantize.small_networks import noise_images, tiny_network
from zoo.errors import InputError
from zoo.files import size_of

WEIGHTS_ONLY = ("coreml", "litert", "onnx")


@pytest.fixture(scope="module")
def light() -> Program:
    return quantize(tiny_network(), noise_images(32), load_recipe("weights-only"))


def test_only_weights_are_rounded(light: Program) -> None:
    assert light.weights_only and not light.plan.observed and len(light.weights) == 15
    x = torch.from_numpy(noise_images(8, seed=11))
    with torch.no_grad():
        expected = tiny_network().module(x)
    # Rounding the results too costs another 5 dB on this network (tests/quantize/test_ptq.py).
    assert judging.sqnr_db(expected, light.module()(x)) > 33


@pytest.mark.parametrize("form", WEIGHTS_ONLY)
def test_the_file_is_small_and_computes_in_float(
    light: Program, workshop: Workshop, tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"model{FORMAT_INFO[form].suffix}"
    FORMATS[form].export(ExportSource("int8", light.input_spec, light.graph, light), path)
    images = noise_images(8, seed=11)
    actual = torch.from_numpy(logits_of(RUNTIMES[form].load(path, threads=1).run(images)))
    # Core ML keeps the scales in float16: 11 bits of them, 6.02 dB each, less 5 dB of luck.
    assert judging.sqnr_db(light.module()(torch.from_numpy(images)), actual) > 50
    weights = sum(weight.values.numel() for weight in light.weights.values())
    assert size_of(workshop.make(form, "fp32").path) - size_of(path) > 2.5 * weights
    found = inspect(path)
    assert found.int8_share == 0
    assert found.weight_bytes["int8"] >= weights


def test_the_others_are_left_out_with_a_reason(light: Program, workshop: Workshop) -> None:
    reasons = {form: left_out(form, light) for form in FORMATS}
    assert {form for form, reason in reasons.items() if reason is None} == set(WEIGHTS_ONLY)
    assert reasons["torchscript"] == "it has no kernels with int8 weights and float activations"
    assert all(left_out(form, workshop.program) is None for form in FORMATS)


def test_torchscript_writes_no_floats_in_their_place(light: Program, tmp_path: Path) -> None:
    source = ExportSource("int8", light.input_spec, light.graph, light)
    with pytest.raises(InputError, match="torchscript: conv2d has int8 weights and float values"):
        FORMATS["torchscript"].export(source, tmp_path / "model.pt")
