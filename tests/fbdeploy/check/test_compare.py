"""What was left alone passes; size, coverage and artefacts that come and go are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from fbdeploy.check.compare import compare_baselines
from fbdeploy.check.reduction import baseline_of
from fbdeploy.check.rules import load_rules
from fbdeploy.records.manifest import Failure
from tests.fbdeploy.check.comparing import INT8, Check, before, check, failed, findings
from tests.fbdeploy.check.outputs import output
from tests.fbdeploy.samples import digest

__all__ = ["before", "check"]


def test_the_same_passes(check: Check) -> None:
    report = check(output())
    assert report.verdict == "PASS" and failed(report) == set() and report.notes == ()
    assert {f.verdict for e in report.artefacts for f in e.findings} == {"PASS"}
    assert len(findings(report, "accuracy")) == 10 and len(findings(report, "latency")) == 8
    assert all(f.change == 0 and f.adjusted_p == 1 for f in findings(report, "accuracy").values())


def test_size_and_coverage(check: Check) -> None:
    changed = output()

    def worse(entry: Any) -> dict[str, Any]:
        if entry.path != "int8/model.pte":
            return {"bytes": round(1.019 * entry.bytes)}
        shares = {"int8_share": entry.coverage.int8_share - 0.02, "delegated_share": 0.9}
        coverage = entry.coverage.model_copy(update=shares)
        return {"bytes": round(1.03 * entry.bytes), "coverage": coverage}

    changed.change_artefacts(worse)
    report = check(changed)
    assert failed(report) == {
        ("executorch int8", measure) for measure in ("size", "int8_share", "delegated_share")
    }
    assert "grew by 3.0 %, more than 2 %" in findings(report, "size")["executorch int8"].reason


def test_more_partitions(tmp_path: Path) -> None:
    reports = []
    for partitions in (1, 2, None):
        side = output()
        side.change_artefacts(
            lambda entry, n=partitions: {
                "coverage": entry.coverage.model_copy(update={"partitions": n})
            }
        )
        reports.append(baseline_of(side.write(tmp_path / str(partitions))))
    one, two, unknown = reports
    assert compare_baselines(one, two, load_rules()).verdict == "REGRESSED"
    assert compare_baselines(two, one, load_rules()).verdict == "PASS"
    assert compare_baselines(one, two, load_rules(max_more_partitions=1)).verdict == "PASS"
    lost = compare_baselines(one, unknown, load_rules())
    assert len(findings(lost, "partitions", "INCOMPARABLE")) == 10 and lost.verdict == "PASS"


def test_missing_and_new_artefacts(tmp_path: Path) -> None:
    side = output()
    whole = baseline_of(side.write(tmp_path / "whole"))
    rest = tuple(entry for entry in side.manifest.artefacts if entry.path != INT8)
    side.manifest = side.manifest.model_copy(update={"artefacts": rest})
    part = baseline_of(side.write(tmp_path / "part"))
    failure = Failure(format="onnx", precision="int8", step="export", message="no kernel")
    report = compare_baselines(whole, part, load_rules(), failures=[failure])
    assert report.verdict == "REGRESSED"
    assert failed(report) == {("onnx int8", "artefact")}
    assert findings(report, "artefact")["onnx int8"].reason == "export failed: no kernel"
    other = failure.model_copy(update={"precision": "fp32"})
    report = compare_baselines(whole, part, load_rules(), failures=[other])
    assert "not in this run" in findings(report, "artefact")["onnx int8"].reason
    report = compare_baselines(part, whole, load_rules())
    assert report.verdict == "PASS"
    assert findings(report, "artefact")["onnx int8"].verdict == "NEW"


def test_another_input_size_is_not_compared(check: Check) -> None:
    changed = output()
    spec = replace(changed.manifest.input_spec, height=160)
    changed.manifest = changed.manifest.model_copy(update={"input_spec": spec})
    report = check(changed)
    assert len(findings(report, "latency", "INCOMPARABLE")) == 8
    assert findings(report, "latency")["onnx fp32"].reason == "input 128x128 then, 160x128 now"
    assert report.notes == ("the pre-processing is another than the baseline's",)


def test_notes_name_other_weights_and_networks(check: Check) -> None:
    changed = output()
    network = changed.manifest.network.model_copy(update={"name": "another"})
    weights = changed.manifest.weights.model_copy(update={"sha256": digest("new")})
    changed.manifest = changed.manifest.model_copy(
        update={"network": network, "weights": weights, "fbdeploy_version": "9"}
    )
    assert check(changed).notes == (
        "the baseline is of fbnetv2_f1, this run of another",
        "the weights are others than the baseline's",
        "fbdeploy 0.1.0 then, 9 now",
    )
