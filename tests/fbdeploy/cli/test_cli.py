"""What every command keeps: one line an error, exit codes, JSON alone on stdout, a quick --help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fbdeploy.cli.app import COMMANDS
from fbdeploy.records.manifest import write_manifest
from tests.fbdeploy.samples import sample

ROOT = Path(__file__).parents[3]


def fbdeploy(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-P", "-m", "fbdeploy", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def refused(*arguments: str | Path, cwd: Path | None = None) -> str:
    """The one line of a command that ends with exit code 2."""
    done = fbdeploy(*arguments, cwd=cwd)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("fbdeploy: ")
    return line.removeprefix("fbdeploy: ")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    done = fbdeploy(command, "--help")
    assert done.returncode == 0 and done.stderr == ""
    text = " ".join(done.stdout.split())
    assert f"Example: fbdeploy {command} " in text
    assert "--json" in text
    assert "─" not in done.stdout


def processor_seconds(*command: str) -> float:
    """The least of three runs."""
    times = []
    for _ in range(3):
        before = os.times()
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        after = os.times()
        times.append(
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )
    return min(times)


def test_help_is_quick() -> None:
    # Beside what the libraries of any command line take, since cores that are shared are slower.
    code = "import pydantic, typer.main, rich.console\nclass Model(pydantic.BaseModel): value: int"
    libraries = processor_seconds(sys.executable, "-c", code)
    assert processor_seconds(sys.executable, "-m", "fbdeploy", "--help") < 3 * libraries


def test_help_imports_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "scipy", "PIL", "safetensors", "onnx", "timm"}
    code = "import sys; from fbdeploy.cli.app import build; build(); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not heavy & set(done.stdout.split())


def test_version_and_no_arguments() -> None:
    assert fbdeploy("--version").stdout.strip()
    done = fbdeploy()
    assert done.returncode == 0
    assert "Commands:" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such"], "No such command 'no-such'"),
        (["deploy", "--no-such"], "No such option: --no-such; 'fbdeploy deploy --help'"),
        (["deploy", "--threads", "0"], "--threads 0: is out of range"),
        (["deploy", "--threads", "many"], "--threads many: is no whole number"),
        (["evaluate"], "Missing argument"),
        (["bench"], "no artefact"),
        (
            ["deploy", "--formats", "tflite"],
            "--formats tflite: is unknown; give some of",
        ),
        (["deploy", "--formats", ","], "--formats: is empty"),
        (["deploy", "--precisions", "int4"], "--precisions int4: is unknown"),
        (["deploy", "--skip-pass", "faster"], "--skip-pass faster: no such pass"),
        (["deploy", "--images", "-1"], "--images -1: is no number of images"),
        (["deploy", "--images", "0"], "--images 0"),
        (["deploy", "--input-size", "2x2x2"], "--input-size 2x2x2"),
        (["deploy", "--mean", "1,2"], "--mean 1,2: must be three numbers"),
        (["deploy", "--std", "0,1,1"], "--std 0,1,1: is out of range"),
        (["deploy", "--crop-pct", "1.5"], "--crop-pct 1.5"),
        (["deploy", "--interpolation", "cubic"], "--interpolation cubic"),
        (["deploy", "fbnetv3_b"], "fbnetv3_b: --data is missing"),
        (["deploy", "fbnetv3_b", "--data", "x"], "x: no such folder"),
        (["evaluate", "no.pte"], "no.pte: no such artefact"),
        (["sweep"], "sweep: names no network; give --networks"),
        (["sweep", "none.toml"], "none.toml: cannot be read"),
        (["sweep", "--networks", "fbnetv3_b"], "fbnetv3_b: --data is missing"),
        (["sweep", "--networks", "default", "--targets", "toaster"], "toaster: is not a target"),
        (["sweep", "--networks", "default", "--recipes", "x"], "x: no such recipe"),
        (["bench", "no.pte"], "no.pte: no such artefact"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    assert said in refused(*arguments, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_output_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = refused("deploy", "--output", tmp_path / "file" / "out")
    assert line.startswith("--output ") and "cannot be written (Not a directory)" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="not root only: root writes everywhere")
def test_a_read_only_output_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written" in refused("deploy", "--output", tmp_path / "out")


def test_a_format_whose_package_is_absent(tmp_path: Path) -> None:
    """coremltools is hidden by an import hook that a sitecustomize of our own installs."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, package=None: "
        "None if name == 'coremltools' else real(name, package)\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-P", "-m", "fbdeploy", "deploy", "--formats", "coreml"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "out")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "coremltools is not installed" in line and "pip install 'fbdeploy[coreml]'" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fbnetv9_z"], "fbnetv9_z: no such network; nearest:"),
        (["fbnetv3_b", "--weights", "none.pth"], "none.pth"),
        (["fbnetv3_b", "--recipe", "none.toml"], "none.toml: no such recipe"),
        (["fbnetv3_b", "--data", "nowhere"], "nowhere: no such folder"),
        (["fbnetv3_b", "--calibration", "nowhere"], "nowhere: no such folder"),
        (["dmasking_p1"], "dmasking_p1: its architecture was never published"),
    ],
)
def test_bad_input_found_by_a_worker_leaves_nothing(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    data = ["--data", "fashion-mnist", "--calibration", "fashion-mnist-calibration"]
    # Options are read in order and the last one counts.
    line = fbdeploy("deploy", *data, *arguments, "--num-classes", "10", cwd=tmp_path)
    assert line.returncode == 2, line.stderr
    assert said in line.stderr.splitlines()[-1]
    assert "Traceback" not in line.stderr
    assert list(tmp_path.iterdir()) == []


def test_zoo_lists_and_shows(tmp_path: Path) -> None:
    listed = fbdeploy("zoo", "--json", cwd=tmp_path)
    networks = {entry["name"]: entry for entry in json.loads(listed.stdout)["networks"]}
    assert networks["dmasking_p1"]["available"] is False
    shown = json.loads(fbdeploy("zoo", "fbnetv2_f1", "--json").stdout)
    assert shown["name"] == "FBNetV2_F1"
    millions = shown["counted"]["published_parameters"] / 1e6
    assert millions == pytest.approx(shown["published_params_m"], abs=1e-5)
    assert "no such network" in refused("zoo", "fbnetv9_z")


def test_pre_processing_must_be_known(tmp_path: Path) -> None:
    artefact = tmp_path / "int8" / "model.onnx"
    artefact.parent.mkdir()
    artefact.write_bytes(b"not onnx")
    assert "--data is missing" in refused("evaluate", artefact)
    write_manifest(tmp_path, sample()[0])
    assert "int8/model.onnx: ONNX Runtime cannot load it" in refused("evaluate", artefact)


def test_an_unknown_target(tmp_path: Path) -> None:
    artefact = tmp_path / "model.onnx"
    artefact.write_bytes(b"x")
    assert "--target toaster" in refused("bench", artefact, "--target", "toaster")
