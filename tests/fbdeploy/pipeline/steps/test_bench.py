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
    request = DeployRequest(
        network="default", formats=("onnx",), builds=("fp32",), recipe="ptq",
        output=Path("out"), mode=asked,
    )  # fmt: skip
    line = next(one for one in sample()[1] if isinstance(one, Measurement))
    line = line.model_copy(update={"mode": measured, "device": describe()})
    assert _is_as_asked(line, request) is enough
    assert not _is_as_asked(line.model_copy(update={"threads": 2}), request)
    assert not _is_as_asked(line.model_copy(update={"target": "adb://x"}), request)
    elsewhere = describe().model_copy(update={"cpu": "another"})
    assert not _is_as_asked(line.model_copy(update={"device": elsewhere}), request)
    updated = describe().model_copy(update={"kernel": "another"})
    assert _is_as_asked(line.model_copy(update={"device": updated}), request) is enough
