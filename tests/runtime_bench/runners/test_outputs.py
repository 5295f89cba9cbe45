"""Several named outputs through guests and through what runs on devices."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import runtime_bench.runners
from runtime_bench.runners.kit import RunnerKit
from runtime_bench.runners.session import stage_artefact
from runtime_bench.runtimes import RUNTIMES, runtime_of
from runtime_bench.runtimes.guest import guest_session
from runtime_bench.targets.opening import open_target
from tests.tasks.two_outputs import SPEC
from tests.tasks.two_outputs_artefacts import IMAGES, TwoOutputsArtefacts

RUNNER = Path(runtime_bench.runners.__path__[0]) / "source" / "python_runner.py"
Arrays = dict[str, NDArray[np.float32]]


def _same(found: Arrays, expected: Arrays, tolerance: float = 0) -> None:
    assert list(found) == list(expected) == ["scores", "mask"]
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance)


@pytest.mark.parametrize("form", list(RUNTIMES))
def test_guests_answer_by_name(two_outputs_artefacts: TwoOutputsArtefacts, form: str) -> None:
    path = two_outputs_artefacts(form, "int8")
    with guest_session(path, 1) as session:
        assert session.output_names == ("scores", "mask")
        _same(session.run(IMAGES), runtime_of(path).load(path, 1).run(IMAGES))


@pytest.mark.parametrize("form", ["executorch", "onnx"])
def test_native_runners_answer_by_name(
    kit: RunnerKit, two_outputs_artefacts: TwoOutputsArtefacts, form: str
) -> None:
    path = two_outputs_artefacts(form, "fp32")
    with open_target("arm://cortex-a76") as target:
        session = stage_artefact(target, kit, path, IMAGES, threads=1).start()
        assert session.served.outputs == {"scores": (1, 5), "mask": (1, 2, 8, 8)}
        assert len(session.run_block(3)) == 3
        found = session.outputs()
        session.close()
    _same(found, runtime_of(path).load(path, 1).run(IMAGES), 1e-5)


@pytest.mark.parametrize("form", ["litert", "torchscript"])
def test_the_python_runner_answers_by_name(
    two_outputs_artefacts: TwoOutputsArtefacts, tmp_path: Path, form: str
) -> None:
    path = two_outputs_artefacts(form, "int8")
    IMAGES.tofile(tmp_path / "input.bin")
    command = [sys.executable, RUNNER, "--model", path, "--input", tmp_path / "input.bin"]
    command += ["--output", tmp_path / "output.bin"]
    command += ["--shape", ",".join(map(str, SPEC.shape))]
    done = subprocess.run(command, input="run 2\noutputs\n", text=True, capture_output=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"event"')]
    load, _, block, outputs = map(json.loads, lines)
    assert done.returncode == 0 and len(block["ns"]) == 2 and outputs["images"] == 3
    assert load["outputs"] == [
        {"name": "scores", "shape": [1, 5]},
        {"name": "mask", "shape": [1, 2, 8, 8]},
    ]
    rows = np.fromfile(tmp_path / "output.bin", np.float32).reshape(3, -1)
    found = {"scores": rows[:, :5], "mask": rows[:, 5:].reshape(3, 2, 8, 8)}
    _same(found, runtime_of(path).load(path, 1).run(IMAGES))
