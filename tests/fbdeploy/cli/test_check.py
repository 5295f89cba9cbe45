"""``fbdeploy check`` as a CI runs it: exit codes, files, one line for bad input."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from fbdeploy.check.baseline import read_baseline
from fbdeploy.check.reduction import baseline_of
from fbdeploy.check.rules import load_rules
from fbdeploy.records.manifest import Failure
from tests.docs.test_commands import _parse
from tests.fbdeploy.check.outputs import flip, output, right, slower
from tests.fbdeploy.cli.test_cli import ROOT, fbdeploy, refused


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return output().write(tmp_path_factory.mktemp("good") / "out")


@pytest.fixture(scope="module")
def baseline(out: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("baseline") / "kept" / "baseline.json"
    done = fbdeploy("check", out, "--write-baseline", path)
    assert done.returncode == 0 and done.stdout == ""
    assert done.stderr == f"{path}: 10 artefacts on 10,000 images, 8 of them timed\n"
    return path


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One point of one artefact's top-1 is lost."""
    changed = output()
    top1 = changed.top1["int8/model.tflite"]
    changed.top1["int8/model.tflite"] = flip(top1, right(top1)[:100])
    return changed.write(tmp_path_factory.mktemp("bad") / "out")


def test_the_same_output_passes(out: Path, baseline: Path) -> None:
    assert read_baseline(baseline).artefacts == baseline_of(out).artefacts
    done = fbdeploy("check", out, "--baseline", baseline)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("PASS: no regression")


def test_a_regression_is_exit_1_and_does_not_become_the_baseline(
    worse: Path, baseline: Path, tmp_path: Path
) -> None:
    markdown, new = tmp_path / "summary.md", tmp_path / "new.json"
    arguments = ("--json", "--markdown", markdown, "--write-baseline", new)
    done = fbdeploy("check", worse, "--baseline", baseline, *arguments)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["schema_version"] == 1 and document["verdict"] == "REGRESSED"
    failed = {
        (entry["format"], entry["precision"], found["measure"])
        for entry in document["artefacts"]
        for found in entry["findings"]
        if found["failed"]
    }
    assert ("litert", "int8", "accuracy") in failed
    assert {entry[:2] for entry in failed} == {("litert", "int8")}
    assert markdown.read_text().startswith("### REGRESSED")
    assert not new.exists()


def test_limits_may_be_given(worse: Path, baseline: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("max_agreement_drop = 2\n")
    arguments = ("--max-drop", "1", "--rules", rules, "--write-baseline", tmp_path / "new.json")
    done = fbdeploy("check", worse, "--baseline", baseline, *arguments)
    assert done.returncode == 0, done.stdout
    assert read_baseline(tmp_path / "new.json").artefacts == baseline_of(worse).artefacts


def test_what_is_required_must_be_comparable(baseline: Path, tmp_path: Path) -> None:
    changed = output()
    changed.change_latencies(lambda line: slower(2)(line) | {"threads": 4})
    folder = changed.write(tmp_path / "out")
    done = fbdeploy("check", folder, "--baseline", baseline)
    assert done.returncode == 0 and "8 INCOMPARABLE" in done.stdout.splitlines()[-1]
    done = fbdeploy("check", folder, "--baseline", baseline, "--require", "accuracy,latency")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("INCOMPARABLE: ")


def test_a_baseline_as_json(out: Path, tmp_path: Path) -> None:
    done = fbdeploy("check", out, "--write-baseline", tmp_path / "b.json", "--json")
    assert json.loads(done.stdout) == json.loads((tmp_path / "b.json").read_text())


def test_bad_input_is_one_line(out: Path, baseline: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{")
    assert "give --baseline FILE or --write-baseline FILE" in refused("check", out)
    for arguments, said in (
        (
            (out, "--write-baseline", damaged, "--markdown", "x"),
            "--markdown x: has nothing to tell",
        ),
        ((tmp_path, "--baseline", baseline), "holds no manifest.json"),
        ((out, "--baseline", damaged), "damaged.json: is not JSON"),
        ((out, "--baseline", baseline, "--require", "speed"), "--require speed: is unknown"),
        ((out, "--baseline", baseline, "--max-slowdown", "0"), "rules: max_slowdown: "),
        ((out, "--baseline", baseline, "--rules", damaged), "damaged.json: is not TOML"),
        ((out, "--write-baseline", damaged / "below"), "cannot be written"),
    ):
        assert said in refused("check", *arguments)


CI_PAGE = (ROOT / "docs/ci.md").read_text(encoding="utf-8")


def test_the_documented_workflow_runs_commands_that_parse() -> None:
    commands = re.findall(r"- run: (fbdeploy .*)", CI_PAGE)
    assert [command.split()[1] for command in commands] == ["deploy"]
    for command in commands:
        _parse(shlex.split(command)[1:])


def test_the_documented_limits_are_those_in_force() -> None:
    rules = load_rules()
    for measure, limit in (
        ("top-1", f"{rules.max_drop:g} points"),
        ("agreement with float", f"{rules.max_agreement_drop:g} points"),
        ("top-1 of each class", f"{rules.max_class_drop:g} points"),
        ("latency", f"{rules.max_slowdown:g} %"),
        ("bytes", f"{rules.max_growth:g} %"),
        ("int8 share, delegated share", f"{rules.max_coverage_drop:g} points"),
        ("instructions on an emulated core", f"{rules.max_instruction_growth:g} %"),
    ):
        assert re.search(rf"^\| {measure} \|.*\| {limit} \|$", CI_PAGE, re.MULTILINE), measure
    assert f"at most {100 * rules.false_alarm:g} %" in CI_PAGE
    assert f"{rules.session_spread:g} % was measured" in CI_PAGE


def test_a_failed_deployment_becomes_no_baseline(tmp_path: Path) -> None:
    changed, path = output(), tmp_path / "baseline.json"
    failure = Failure(format="onnx", step="export", message="went wrong")
    changed.manifest = changed.manifest.model_copy(update={"failures": (failure,)})
    out = changed.write(tmp_path / "out")
    line = refused("check", out, "--write-baseline", path)
    assert line == f"{out}: is no baseline, since export failed; deploy again until nothing fails"
    assert not path.exists()
