"""An output folder and a baseline that fbdeploy wrote when it knew classifiers alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fbdeploy.check.baseline import read_baseline
from fbdeploy.check.compare import compare_baselines
from fbdeploy.check.reduction import baseline_of
from fbdeploy.check.rules import load_rules
from fbdeploy.records.manifest import OutputInfo, read_manifest, write_manifest
from fbdeploy.records.results import EvaluationLine, append_line, read_lines
from fbdeploy.records.rows import document
from fbdeploy.report.page import write_report
from tests.fbdeploy.cli.in_process import command

KEPT = Path(__file__).parents[2] / "version1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(KEPT / "out", tmp_path / "out"))


def test_it_is_read_as_a_classifier_s(folder: Path) -> None:
    stored = json.loads((folder / "manifest.json").read_text())
    assert stored["schema_version"] == 1
    manifest = read_manifest(folder)
    assert manifest.schema_version == 2 and manifest.network.task == "classification"
    logits = OutputInfo(name="logits", shape=(1, 10), meaning="logits of the classes")
    assert manifest.network.outputs == (logits,)
    assert len(manifest.artefacts) == len(stored["artefacts"]) == 5
    for entry, then in zip(manifest.artefacts, stored["artefacts"], strict=True):
        assert entry.build == then["precision"] and entry.path.startswith(f"{entry.build}/")
        assert entry.program == ("ptq" if entry.precision == "int8" else "")
    assert set(manifest.quantizations) == {"ptq"} and set(stored["quantizations"]) == {"int8"}
    program, then = manifest.quantizations["ptq"], stored["quantizations"]["int8"]
    assert program.held_out_divergence == then["held_out_kl"]
    assert [step.divergence_after for step in program.steps] == [
        step["kl_after"] for step in then["steps"]
    ]
    evaluations = [line for line in read_lines(folder) if isinstance(line, EvaluationLine)]
    assert len(evaluations) == 5
    for line in evaluations:
        top1, top5, agreement = line.scores
        assert line.comparison is not None
        assert (top1.metric, top1.value, top1.interval) == ("top1", line.top1, line.top1_interval)
        assert top1.reference == line.comparison.top1
        assert (top1.difference, top1.p) == (
            line.comparison.top1_difference,
            line.comparison.mcnemar_p,
        )
        assert (top5.metric, top5.value) == ("top5", line.top5)
        assert (agreement.metric, agreement.value) == ("agreement", line.comparison.agreement)


def test_it_is_written_in_this_version_and_grows(folder: Path) -> None:
    manifest, lines = read_manifest(folder), read_lines(folder)
    write_manifest(folder, manifest)
    append_line(folder, lines[0])
    assert read_manifest(folder) == manifest
    assert read_lines(folder) == [*lines, lines[0]]
    assert json.loads((folder / "manifest.json").read_text())["schema_version"] == 2


def test_it_is_reported(folder: Path) -> None:
    manifest, lines = read_manifest(folder), read_lines(folder)
    rows = document(manifest, lines)["results"]
    assert {row["top1"] for row in rows} == {0.07, 0.08}
    assert all(row["latency_ms"]["p50"] > 0 for row in rows)
    page = write_report(folder, manifest, lines).read_text()
    assert "Top-1" in page and "8.00" in page and "no better than chance" in page


def test_it_is_checked_against_a_baseline_of_its_time(folder: Path) -> None:
    assert json.loads((KEPT / "baseline.json").read_text())["schema_version"] == 1
    before, after = read_baseline(KEPT / "baseline.json"), baseline_of(folder)
    assert after.data == before.data
    for then, now in zip(before.artefacts, after.artefacts, strict=True):
        assert now.parts == then.parts and then.parts
    report = compare_baselines(before, after, load_rules())
    assert report.verdict == "PASS" and report.headline == "top-1"
    found = {f.measure: f for f in report.artefacts[0].findings}
    assert (found["accuracy"].before, found["accuracy"].after) == (0.08, 0.08)
    assert found["agreement"].before == 1.0


def test_its_artefacts_are_evaluated(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    artefact, other = folder / "int8/model.onnx", folder / "fp32/model.onnx"
    ran = command(capfd, "evaluate", artefact, "--reference", other, "--images", 100, "--json")
    assert ran.code == 0, ran.err
    answer = json.loads(ran.out)
    stored = next(
        line
        for line in read_lines(folder)
        if isinstance(line, EvaluationLine) and (line.format, line.variant) == ("onnx", "")
        if line.precision == "int8"
    )
    assert answer["top1"] == stored.top1 and answer["top5"] == stored.top5
    top1, top5, agreement = answer["scores"]
    assert (top1["metric"], top1["value"], top1["reference"]) == ("top1", 0.07, 0.08)
    assert (top5["metric"], top5["value"]) == ("top5", stored.top5)
    assert stored.comparison is not None
    assert agreement["value"] == stored.comparison.agreement
    assert answer["reference"]["mcnemar_p"] == top1["p"] == stored.comparison.mcnemar_p
