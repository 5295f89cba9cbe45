"""A deployment that has nothing to score: with stages of our own, and once with a real network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from fbdeploy.check.compare import compare_baselines
from fbdeploy.check.reduction import baseline_of
from fbdeploy.check.render import as_text
from fbdeploy.check.rules import load_rules
from fbdeploy.records.manifest import read_manifest
from fbdeploy.records.results import read_lines
from fbdeploy.records.rows import summarize
from runtime_bench.measurement import Measurement
from tests.fbdeploy.cli.in_process import command
from tests.fbdeploy.pipeline.bench import EVERYTHING, Bench, bench

__all__ = ["bench"]
NOTHING = {"data": None, "calibration": "random-images"}


def test_all_is_made_and_timed_but_not_scored(bench: Bench) -> None:
    done = bench.run(**NOTHING)
    assert done.complete and bench.files() == EVERYTHING
    assert not {"reference", "evaluate onnx int8"} & set(bench.calls())
    assert all(isinstance(line, Measurement) for line in done.lines) and done.lines
    assert done.manifest.evaluation_data is None and done.manifest.float_check is None
    said = str(done)
    assert said.splitlines()[0].split() == ["size", "int8", "p50", "parity"]
    assert "Nothing was scored, since there were no labelled images" in said
    assert "int8 was calibrated on random images" in said
    assert "none can be recommended. The smallest is " in said and "The fastest is " in said
    page = done.report.read_text()
    assert "What this cannot tell" in page and "Nothing was scored" in page
    assert "<dt>Scored on</dt><dd>nothing</dd>" in page and "top-1" not in page


def test_fp32_alone_says_nothing_of_int8(bench: Bench) -> None:
    said = str(bench.run(data=None, calibration=None, builds=("fp32",)))
    assert "Nothing was scored" in said and "random" not in said


def test_what_was_made_stays_when_the_images_come(bench: Bench) -> None:
    before = bench.run(**NOTHING)
    bench.calls()
    after = bench.run()
    calls = bench.calls()
    assert "evaluate onnx int8" in calls and "export onnx fp32" not in calls
    assert "Nothing was scored" not in str(after)
    kept = {entry.sha256 for entry in before.manifest.artefacts}
    assert {entry.sha256 for entry in after.manifest.artefacts} == kept


def test_scores_of_an_earlier_run_are_not_shown_as_this_ones(bench: Bench) -> None:
    bench.run()
    done = bench.run(**NOTHING)
    rows = summarize(done.manifest, done.lines)
    assert all(row.scores == () and row.top1 is None for row in rows)
    assert bench.run().manifest.evaluation_data is not None


def test_the_check_says_what_it_cannot_tell(bench: Bench) -> None:
    bench.run()
    scored = baseline_of(bench.out)
    bench.run(**NOTHING)
    unscored = baseline_of(bench.out)
    assert unscored.data is None
    for before, after, where in (
        (scored, unscored, "this run"),
        (unscored, scored, "the baseline"),
        (unscored, unscored, "the baseline and this run"),
    ):
        report = compare_baselines(before, after, load_rules())
        assert report.verdict == "INCOMPARABLE"
        assert f"nothing was scored in {where}; deploy with --data" in as_text(report)
    sizes = compare_baselines(unscored, unscored, load_rules(required=("size",)))
    assert sizes.verdict == "PASS"


NETWORK = """
from torch import nn

def build():
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2), nn.ReLU(), nn.Conv2d(16, 32, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 5),
    )
"""


def test_a_network_without_data(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out, file = tmp_path / "out", tmp_path / "net.py"
    file.write_text(NETWORK)
    torch.manual_seed(0)
    names: dict[str, Any] = {}
    exec(NETWORK, names)
    torch.save(names["build"]().state_dict(), tmp_path / "net.pth")
    how = ("--weights", tmp_path / "net.pth", "--input-size", "48", "--recipe", "ptq-fast")
    how = (*how, "--no-data", "--formats", "onnx", "--artefacts-only", "--output", out, "--json")
    done = command(capfd, "deploy", f"{file}:build", *how)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["evaluation_data"] is None and found["float_check"] is None
    (program,) = found["quantizations"].values()
    assert program["calibration"]["name"] == "random-images" and program["fidelity"] is None
    rows = {row["precision"]: row for row in found["results"] if not row["variant"]}
    assert set(rows) == {"fp32", "int8"} and not any(row["rejected"] for row in rows.values())
    assert rows["int8"]["int8_share"] == 1 and rows["fp32"]["int8_share"] == 0
    assert rows["int8"]["top1"] is None
    assert read_lines(out) == [] and read_manifest(out).evaluation_data is None
    told = command(capfd, "evaluate", out / "int8/model.onnx")
    assert "--data is missing" in told.line
    written = command(capfd, "check", out, "--write-baseline", tmp_path / "baseline.json")
    assert "3 artefacts of which none was scored, 0 of them timed" in written.err
