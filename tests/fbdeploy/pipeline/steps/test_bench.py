"""Which sessions a deployment takes for its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.steps.bench import _is_as_asked
from runtime_bench.machine.device import describe
from runtime_bench.measurement import Measurement
from tests.fbdeploy.samples import sample


@pytest.mark.parametrize(
    ("measured", "asked", "enough"),
    [
        ("quick", "quick", True),
        ("standard", "quick", True),
        ("quick", "standard", False),
        ("mlperf", "standard", True),
        ("of-another-tool", "quick", False),
    ],
)
def test_a_mode_that_measures_at_least_as_long(measured: str, asked: str, enough: bool) -> None:
    here = describe()
    request = DeployRequest(
        network="default", formats=("onnx",), builds=("fp32",), recipe="ptq",
        output=Path("out"), mode=asked,
    )  # fmt: skip
    line = next(one for one in sample()[1] if isinstance(one, Measurement))
    line = line.model_copy(update={"mode": measured, "device": here})
    assert _is_as_asked(line, request, here) is enough
    assert not _is_as_asked(line.model_copy(update={"threads": 2}), request, here)
    assert not _is_as_asked(line.model_copy(update={"target": "adb://x"}), request, here)
    elsewhere = here.model_copy(update={"cpu": "another"})
    assert not _is_as_asked(line.model_copy(update={"device": elsewhere}), request, here)
    updated = here.model_copy(update={"kernel": "another"})
    assert _is_as_asked(line.model_copy(update={"device": updated}), request, here) is enough
