"""Every artefact, run in its own runtime, computes what it was made from."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from export.format_info import FORMAT_INFO, NumberType
from export.formats import FORMATS
from export.inspection import READERS, inspect
from fbdeploy.pipeline.formats import can_hold
from quantize import judging
from runtime_bench.runtimes import RUNTIMES
from tasks.logits import logits_of
from tests.export.conftest import Workshop
from tests.quantize.small_networks import noise_images

CASES = [
    (form, precision, variant)
    for form, info in FORMAT_INFO.items()
    for precision in get_args(NumberType)
    for variant in info.files(precision)
]


@pytest.mark.parametrize(("form", "precision", "variant"), CASES)
def test_artefact_computes_what_it_was_made_from(
    workshop: Workshop, form: str, precision: NumberType, variant: str
) -> None:
    made = workshop.make(form, precision, variant)
    images = noise_images(8, seed=11)
    session = RUNTIMES[form].load(made.path, threads=1)
    assert session.input_shape == (1, 3, 32, 32)
    actual, expected = logits_of(session.run(images)), workshop.expected(precision, images)
    assert actual.dtype == np.float32
    if precision == "fp32":
        assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()
    else:
        least = {"fp16": 50, "int8": 25}[precision]
        ratio = judging.sqnr_db(torch.from_numpy(expected), torch.from_numpy(actual))
        assert ratio > least


def test_every_format_has_what_is_needed_of_it() -> None:
    assert tuple(FORMAT_INFO) == ("executorch", "torchscript", "onnx", "coreml", "litert")
    assert len({info.suffix for info in FORMAT_INFO.values()}) == len(FORMAT_INFO)
    names = list(FORMAT_INFO)
    assert names == list(FORMATS) == list(RUNTIMES) == [reader.format for reader in READERS]
    for table in (FORMATS, RUNTIMES):
        assert [entry.format for entry in table.values()] == names


@pytest.mark.parametrize("form", list(FORMATS))
def test_int8_file_is_about_a_quarter_of_the_float_file(workshop: Workshop, form: str) -> None:
    from zoo.files import size_of

    weights = sum(w.values.numel() for w in workshop.program.weights.values())
    saved = size_of(workshop.make(form, "fp32").path) - size_of(workshop.make(form, "int8").path)
    # Graph descriptions differ a little in size; three bytes a weight must be gone all the same.
    assert saved > 1.5 * weights


@pytest.mark.parametrize("form", ["onnx", "coreml", "litert"])
def test_fp16_weights_take_half_the_bytes(workshop: Workshop, form: str) -> None:
    stored = inspect(workshop.make(form, "fp16").path).weight_bytes
    weights = sum(w.values.numel() for w in workshop.program.weights.values())
    assert 2 * weights <= stored["float16"] < 2.5 * weights
    assert stored["float32"] < weights


def test_executorch_fp16_computes_in_half_precision(workshop: Workshop) -> None:
    found = inspect(workshop.make("executorch", "fp16").path)
    assert set(found.operator_dtypes["Conv2d"]) == {"float16"}
    assert found.delegated_share == 1.0


def test_torchscript_alone_has_no_fp16() -> None:
    without = [name for name, info in FORMAT_INFO.items() if "fp16" not in info.precisions]
    assert without == ["torchscript"]
    assert not can_hold("torchscript", "fp16") and can_hold("torchscript", "int8-qat")
    assert FORMAT_INFO["torchscript"].files("fp16") == ()
