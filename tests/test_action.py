"""The GitHub Action's own steps, run as a runner would; only GitHub itself is not there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from fbdeploy.check.baseline import write_baseline
from fbdeploy.check.reduction import baseline_of
from tests.fbdeploy.check.outputs import flip, output

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
OURS = ("Check", "Verdict")
"""Steps that need neither GitHub nor a registry."""


class Runner:
    """Runs the action's steps in ``folder``, with what a runner puts around them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary, self.outputs = folder / "summary.md", folder / "outputs"
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        command = bin_folder / "fbdeploy"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m fbdeploy "$@"\n')
        command.chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.outputs),
        }

    def _value(self, expression: str, inputs: dict[str, str]) -> str:
        if expression.startswith("inputs."):
            name = expression.removeprefix("inputs.")
            return inputs.get(name, ACTION["inputs"][name]["default"])
        if expression == "runner.temp":
            return str(self.folder)
        assert expression == "steps.check.outputs.exit-code"
        return dict(line.split("=") for line in self.outputs.read_text().split())["exit-code"]

    def run(self, **inputs: str) -> int:
        """The exit code of the last step; one that fails ends the job."""
        code = 0
        for step in ACTION["runs"]["steps"]:
            if step["name"] not in OURS:
                continue
            given = {
                name: re.sub(
                    r"\$\{\{ (.*?) \}\}", lambda found: self._value(found[1], inputs), value
                )
                for name, value in step["env"].items()
            }
            # The command of GitHub's `shell: bash`.
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(
                command, cwd=self.folder, env=self.environment | given, check=False
            )
            code = done.returncode
            if code:
                break
        return code


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A job whose deployment equals its baseline."""
    good = output().keep_images(2000).write(tmp_path / "out")
    write_baseline(tmp_path / "baseline.json", baseline_of(good))
    return Runner(tmp_path)


def test_what_has_not_changed_passes(runner: Runner) -> None:
    assert runner.run() == 0
    assert "PASS" in runner.summary.read_text()


def test_a_planted_regression_fails_the_job_and_is_shown(runner: Runner) -> None:
    changed = output().keep_images(2000)
    top1 = changed.top1["int8/model.tflite"]
    right = np.flatnonzero(top1 == changed.labels)
    changed.top1["int8/model.tflite"] = flip(top1, right[:60])
    changed.write(runner.folder / "worse")
    assert runner.run(output="worse") == 1
    shown = runner.summary.read_text()
    assert "REGRESSED" in shown and "litert int8" in shown


def test_options_are_handed_on_and_bad_input_is_no_verdict(runner: Runner) -> None:
    assert runner.run(options="--max-drop 0.5 --require accuracy,latency") == 0
    assert runner.run(baseline="no such.json") == 2
    assert runner.run(options="--no-such-option") == 2


def test_every_value_is_quoted_and_every_step_says_its_shell() -> None:
    """An input with a space or a semicolon reaches the command as one word."""
    for step in ACTION["runs"]["steps"]:
        if "run" in step:
            assert step["shell"] == "bash"
            assert "${{" not in step["run"], "inputs come through the environment"
    assert {"output", "baseline", "options"} <= ACTION["inputs"].keys()


def test_the_documented_workflow_gives_the_inputs_there_are() -> None:
    page = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    steps = yaml.safe_load(block)["jobs"]["check"]["steps"]
    (step,) = (step for step in steps if step.get("uses") == "./fbdeploy")
    assert step["with"].keys() <= ACTION["inputs"].keys()


def test_the_container_is_set_up_as_make_deploy_is() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^deploy: \$\(INSTALLED\)$", makefile, re.MULTILINE)
    assert re.search(r"^INSTALLED := \$\(VENV\)/\.installed$", makefile, re.MULTILINE)
    assert "RUN make .venv/.installed PYTHON=python3.11" in lines
    assert any(line.startswith("FROM python:3.11") for line in lines)
    (entry,) = (line for line in lines if line.startswith("ENTRYPOINT"))
    assert entry == 'ENTRYPOINT ["/opt/fbdeploy/.venv/bin/fbdeploy"]'
