"""Every artefact, run in its own runtime, computes what it was made from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from export.base import Precision
from export.formats import FORMATS
from quantize import metrics
from runtime_bench.runtimes import RUNTIMES
from tests.export.conftest import Workshop
from tests.quantize.small_networks import noise_images

CASES = [
    (form, precision, variant.name)
    for form, exporter in FORMATS.items()
    for precision in ("fp32", "int8")
    for variant in exporter.variants(precision)
]


@pytest.mark.parametrize(("form", "precision", "variant"), CASES)
def test_artefact_computes_what_it_was_made_from(
    workshop: Workshop, form: str, precision: Precision, variant: str
) -> None:
    made = workshop.make(form, precision, variant)
    images = noise_images(8, seed=11)
    session = RUNTIMES[form].load(made.path, threads=1)
    assert session.input_shape == (1, 3, 32, 32)
    actual, expected = session.run(images), workshop.expected(precision, images)
    assert actual.dtype == np.float32
    if precision == "fp32":
        assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()
    else:
        ratio = metrics.sqnr_db(torch.from_numpy(expected), torch.from_numpy(actual))
        assert ratio > 25


def test_table_names_every_format_once() -> None:
    assert tuple(FORMATS) == ("executorch", "torchscript", "onnx", "coreml", "litert")
    assert len({exporter.suffix for exporter in FORMATS.values()}) == len(FORMATS)
    assert set(FORMATS) == set(RUNTIMES)
    for form, exporter in FORMATS.items():
        assert RUNTIMES[form].suffix == exporter.suffix


@pytest.mark.parametrize("form", list(FORMATS))
def test_int8_file_is_about_a_quarter_of_the_float_file(workshop: Workshop, form: str) -> None:
    from zoo.files import size_of

    weights = sum(w.values.numel() for w in workshop.program.weights.values())
    saved = size_of(workshop.make(form, "fp32").path) - size_of(workshop.make(form, "int8").path)
    # Graph descriptions differ a little in size; three bytes a weight must be gone all the same.
    assert saved > 1.5 * weights
