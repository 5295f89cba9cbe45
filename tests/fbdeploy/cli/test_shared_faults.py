"""The faults that were found in ../shared/cases: each ends as its case.md says it should."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fbdeploy.check.baseline import write_baseline
from fbdeploy.check.reduction import baseline_of
from tests.fbdeploy.check.outputs import output
from tests.fbdeploy.cli.damaged_folders import CASES
from tests.fbdeploy.cli.faults import FAULTS
from tests.fbdeploy.cli.in_process import command
from tests.zoo.test_files import tree
from zoo.checkpoints import read_states
from zoo.datasets import batches, open_dataset
from zoo.errors import InputError
from zoo.input_spec import InputSpec

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared")

ELSEWHERE = {
    "03-torchscript-runs-on-load": "tests/runtime_bench/runtimes/test_guest.py",
    "05-image-runs-ghostscript": "a reader, below",
    "06-checkpoint-loop": "a reader, below",
    "07-tall-image": "a reader, below",
    "08-forked-child-hangs": "tests/fbdeploy/pipeline/workers",
    "09-pte-segfault": "tests/runtime_bench/runtimes/test_guest.py",
    "10-disk-full-safetensors": "tests/fbdeploy/pipeline/workers",
    "11-finished-program-lost": "tests/fbdeploy/pipeline/test_failures.py",
    "18-atomic-path-finally": "tests/zoo/test_files.py, test_paths_matrix.py",
    "24-user-module-types": "tests/zoo/test_user_network.py",
    "26-stdout": "test_streams.py",
    "30-resumed-program-json": "tests/fbdeploy/pipeline/test_stages.py",
    "32-user-module-stdin": "tests/fbdeploy/pipeline/workers",
}
"""Cases that take more than a command line with its answer, and where they are tried."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a deployment, its baseline, an app, and something precious."""
    folder = tmp_path / "w" / "cw"
    folder.mkdir(parents=True)
    output().write(folder / "OUT")
    (folder / "OUT/int8").mkdir()
    (folder / "OUT/int8/model.onnx").write_bytes(b"model")
    write_baseline(folder / "base.json", baseline_of(folder / "OUT"))
    shutil.copytree(folder / "OUT", tmp_path / "whole")
    (folder / "d").mkdir()
    (folder / "d/keep").write_text("precious")
    (folder / "file").write_text("precious")
    (folder / "APP").mkdir()
    (folder / "APP/settings.gradle.kts").write_text("precious")
    (tmp_path / "w/precious").write_text("precious")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_line_and_changes_nothing(
    name: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for prepare, faults in FAULTS[name]:
        for left in ("OUT", "bundle", "app"):
            shutil.rmtree(here / left, ignore_errors=True)
        shutil.copytree(here.parents[1] / "whole", here / "OUT")
        prepare(here)
        before = tree(here.parent)
        for fault in faults:
            arguments = [
                str(one).replace("CASE/", f"{CASES}/faults/{name}/") for one in fault.arguments
            ]
            line = command(capfd, *arguments).line
            assert fault.said in line, (arguments, line)
            document = json.loads(command(capfd, *arguments, "--json").out)
            assert document["error"]["exit"] == 2
            assert fault.said in document["error"]["message"]
            assert tree(here.parent) == before, arguments


def test_every_case_is_tried() -> None:
    found = {path.name for path in (CASES / "faults").iterdir() if path.is_dir()}
    assert found <= set(FAULTS) | set(ELSEWHERE), found - set(FAULTS) - set(ELSEWHERE)


@pytest.mark.parametrize("name", ["05-image-runs-ghostscript/eps", "07-tall-image/tall"])
def test_a_picture_is_refused_by_its_reader(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no other program is started for it."""
    called = tmp_path / "called"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {called}\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(InputError):
        list(batches(open_dataset(CASES / "faults" / name), InputSpec(64, 64)))
    assert not called.exists()


def test_a_checkpoint_is_refused_by_its_reader() -> None:
    with pytest.raises(InputError):
        read_states(CASES / "faults/06-checkpoint-loop/selfref.pth")


def test_a_linked_file_is_written_through(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """29: the link stays and what it names is the new baseline."""
    Path("real.json").write_text("old")
    Path("link.json").symlink_to("real.json")
    assert command(capfd, "check", "OUT", "--write-baseline", "link.json").code == 0
    assert Path("link.json").is_symlink()
    assert json.loads(Path("real.json").read_text())["schema_version"] == 2


def test_mistakes_are_told_in_two_seconds_of_processor_time(here: Path) -> None:
    """And once, before torch or timm are imported."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for words in (
        ["zoo", "fbnetv9"],
        ["deploy", "fbnetv9", "--data", "d", "--calibration", "d"],
        ["deploy", "--data", "nowhere"],
        ["deploy", "--weights", "none.pth", "--data", "d", "--calibration", "d"],
        ["sensitivity", "no.py:f", "--calibration", "d"],
        ["sweep", "--networks", "fbnetv9", "--data", "d", "--calibration", "d"],
    ):
        before = os.times()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "fbdeploy", *words],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        after = os.times()
        assert done.returncode == 2, done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        user, system = after.children_user, after.children_system
        assert user + system - before.children_user - before.children_system < 2
