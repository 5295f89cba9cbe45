"""``--config``, ``--dry-run``, ``--mode`` and what a shell completes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from fbdeploy.cli.completion import network_names
from fbdeploy.pipeline.outlook import outlook
from fbdeploy.pipeline.request import DeployRequest
from tests.fbdeploy.cli.in_process import command
from zoo.dataset_names import RANDOM_IMAGES

ROOT = Path(__file__).parents[3]


def _planned(capfd: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    ran = command(capfd, "deploy", *arguments, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_values_come_from_the_file_and_the_command_line_goes_before(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "deploy.toml"
    config.write_text(
        "network = 'fbnet_a'\nformats = ['onnx', 'litert']\nprecisions = 'fp32'\n"
        "no_data = true\nthreads = 2\n'skip-pass' = 'all'\n"
    )
    found = _planned(capfd, "--config", config, "--output", tmp_path / "new")
    assert found["network"] == "fbnet_a"
    assert [one["path"] for one in found["artefacts"]] == ["fp32/model.onnx", "fp32/model.tflite"]
    over = _planned(capfd, "default", "--formats", "onnx", "--config", config)
    assert over["network"] == "default" and len(over["artefacts"]) == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format = 'onnx'", "format is no option of fbdeploy deploy; did you mean formats?"),
        ("zzz = 1", "zzz is no option of fbdeploy deploy; it may be network, weights"),
        ("config = 'x'", "config is no option"),
        ("no-data = 'yes'", "no-data must be true or false"),
        ("formats = true", "formats takes a value, not true or false"),
        ("formats = {onnx = 1}", "formats must be a text, a number"),
        ("threads = 0", "--threads 0: is out of range"),
        ("threads = 'many'", "--threads many: is no whole number"),
        ("mean = [0.5, 0.5]", "--mean 0.5,0.5: must be three numbers"),
        ("mode = 'slow'", "--mode slow: is unknown; give one of quick, standard, mlperf"),
        ("threads = ", "is not TOML"),
    ],
)
def test_what_a_file_may_not_say(
    text: str, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "deploy.toml"
    config.write_text(text)
    line = command(capfd, "deploy", "--config", config, "--dry-run").line
    assert said in line


def test_a_dry_run_tells_sizes_times_and_what_it_does_not_know(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(300, 100), "b": torch.zeros(7)}, weights)
    request = DeployRequest(
        network="x.py:f",
        weights=str(weights),
        calibration=RANDOM_IMAGES,
        formats=("onnx", "coreml"),
        builds=("fp32", "int8"),
        recipe="ptq",
        output=tmp_path / "new",
        mode="standard",
    )
    found = outlook(request)
    assert found.parameters == 30_007
    sizes = {one.path: one.bytes for one in found.artefacts}
    assert sizes["fp32/model.onnx"] == 4 * 30_007 and sizes["int8/model-s8s8.onnx"] == 30_007
    steps = {one.step: one for one in found.steps}
    # Nothing is scored without images. Core ML is not timed: three files, 10 s each and 5 s before.
    assert "evaluate" not in steps and steps["time"].seconds == 3 * (10 + 5)
    assert steps["quantize"].seconds is None
    assert any("quantize" in note for note in found.notes)
    assert found.peak_memory_bytes >= max(one.memory_bytes for one in found.steps)
    unknown = outlook(request.model_copy(update={"weights": None}))
    assert unknown.parameters is None and unknown.disk_bytes is None
    assert any("not known before the network is loaded" in note for note in unknown.notes)


def test_names_of_networks_are_completed() -> None:
    assert "fbnetv3_b" in network_names("fbnetv3") and "FBNetV2_F1" in network_names("FBNetV2")
    assert all(name.startswith("fbnetv3") for name in network_names("fbnetv3"))


def test_a_shell_asks_the_program() -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "_FBDEPLOY_COMPLETE": "complete_bash",
        "COMP_WORDS": "fbdeploy deploy fbnetv3_",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "fbdeploy"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and done.stderr == ""
    assert "fbnetv3_b" in done.stdout.split()
