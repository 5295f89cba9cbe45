"""Several outputs keep their names and their order in every format."""

from __future__ import annotations

import numpy as np
import pytest

from export.format_info import NumberType
from export.inspection import inspect
from runtime_bench.runtimes import RUNTIMES
from tests.tasks.two_outputs_artefacts import IMAGES, TwoOutputsArtefacts

CASES = [(form, precision) for form in RUNTIMES for precision in ("fp32", "int8")]


@pytest.mark.parametrize(("form", "precision"), [*CASES, ("executorch", "fp16")])
def test_outputs_are_those_of_the_reference(
    two_outputs_artefacts: TwoOutputsArtefacts, form: str, precision: NumberType
) -> None:
    path = two_outputs_artefacts(form, precision)
    session = RUNTIMES[form].load(path, threads=1)
    assert session.output_names == ("scores", "mask")
    found, expected = session.run(IMAGES), two_outputs_artefacts.expected(precision)
    assert list(found) == list(expected) == ["scores", "mask"]
    for name, value in expected.items():
        assert found[name].shape == value.shape and found[name].dtype == np.float32
        noise = float(np.square(found[name] - value).sum())
        least = {"fp32": 100, "fp16": 45, "int8": 25}[precision]
        assert 10 * np.log10(np.square(value).sum() / max(noise, 1e-30)) > least
    assert {name: value.shape for name, value in session.run(IMAGES[:0]).items()} == {
        "scores": (0, 0),
        "mask": (0, 0),
    }
    share = inspect(path).int8_share
    assert share is None or share == (1.0 if precision == "int8" else 0.0)
