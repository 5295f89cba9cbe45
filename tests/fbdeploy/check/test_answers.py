"""Regressions of accuracy that were planted are found, and chance is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fbdeploy.check.baseline import Baseline
from fbdeploy.check.compare import compare_baselines
from fbdeploy.check.reduction import baseline_of
from fbdeploy.check.rules import load_rules
from runtime_bench.measurement import Measurement
from stats.proportions import PairedOutcomes
from tests.fbdeploy.check.comparing import INT8, Check, before, check, failed, findings
from tests.fbdeploy.check.outputs import LABELS, flip, output, right
from tests.fbdeploy.samples import digest

__all__ = ["before", "check"]


def test_a_planted_drop_of_a_point_is_caught(check: Check) -> None:
    changed = output()
    chosen = np.random.default_rng(1).choice(right(changed.top1[INT8]), 100, replace=False)
    before = changed.top1[INT8]
    changed.top1[INT8] = flip(before, chosen)
    report = check(changed)
    assert report.verdict == "REGRESSED"
    assert {name for name, _ in failed(report)} == {"onnx int8"}
    found = findings(report, "accuracy")["onnx int8"]
    assert found.verdict == "REGRESSED"
    assert found.change == pytest.approx(-0.01)
    expected = PairedOutcomes.of(changed.top1[INT8] == LABELS, before == LABELS)
    assert found.change_interval == expected.difference_interval()
    # One side only: half of the two-sided exact p-value.
    assert found.p_value == pytest.approx(expected.mcnemar_p() / 2, rel=1e-9)
    assert "fell by 1.00 points, beyond 0.3 points and beyond chance" in found.reason
    # None flipped the other way, so a drop little beyond the limit would show.
    assert found.detectable is not None and 0.003 < found.detectable < 0.0045


def test_flips_both_ways_are_chance(check: Check) -> None:
    changed = output()
    generator = np.random.default_rng(2)
    top1 = changed.top1[INT8]
    wrong = np.flatnonzero(top1 != LABELS)
    better = generator.choice(wrong, 180, replace=False)
    worse = generator.choice(right(top1), 215, replace=False)
    top1 = flip(top1, worse)
    top1[better] = LABELS[better]
    changed.top1[INT8] = top1
    report = check(changed)
    found = findings(report, "accuracy")["onnx int8"]
    # 0.35 points are beyond the limit, but 215 of 395 flips the wrong way happen by chance.
    assert found.verdict == "PASS" and "which chance explains" in found.reason
    assert findings(report, "accuracy", "REGRESSED") == {}


def test_a_sure_but_small_drop_passes_until_the_limit_is_lowered(check: Check) -> None:
    changed = output()
    changed.top1[INT8] = flip(changed.top1[INT8], right(changed.top1[INT8])[:25])
    report = check(changed)
    found = findings(report, "accuracy")["onnx int8"]
    assert found.verdict == "PASS" and found.adjusted_p is not None and found.adjusted_p < 1e-4
    assert "beyond chance but within 0.3 points" in found.reason


def test_the_limit_is_the_user_s(before: Baseline, tmp_path: Path) -> None:
    changed = output()
    changed.top1[INT8] = flip(changed.top1[INT8], right(changed.top1[INT8])[:25])
    after = baseline_of(changed.write(tmp_path / "out"))
    verdicts = [
        compare_baselines(before, after, load_rules(max_drop=limit)).verdict
        for limit in (0.2, 0.25, 0.3)
    ]
    assert verdicts == ["REGRESSED", "PASS", "PASS"]


def test_one_class_that_drops_is_named(check: Check) -> None:
    changed = output()
    of_class = [image for image in right(changed.top1[INT8]) if LABELS[image] == 3][:60]
    up = [image for image in np.flatnonzero(changed.top1[INT8] != LABELS) if LABELS[image] != 3]
    top1 = flip(changed.top1[INT8], of_class)
    top1[up[:60]] = LABELS[up[:60]]  # the whole does not drop
    changed.top1[INT8] = top1
    report = check(changed)
    assert ("onnx int8", "classes") in failed(report)
    found = findings(report, "classes")["onnx int8"]
    (dropped,) = found.classes
    assert (dropped.index, dropped.name, dropped.images) == (3, "Dress", 1000)
    assert dropped.before - dropped.after == pytest.approx(0.06)
    assert dropped.adjusted_p < 1e-6
    assert findings(report, "accuracy")["onnx int8"].verdict == "PASS"


def test_many_classes_are_named_in_part(check: Check) -> None:
    changed = output()
    top1 = changed.top1[INT8]
    changed.top1[INT8] = flip(top1, right(top1)[right(top1) % 10 < 7][:1400])
    found = findings(check(changed), "classes")["onnx int8"]
    assert len(found.classes) == 7
    assert found.reason.count(" fell from ") == 5 and found.reason.endswith("; and 2 more")
    p_values = [one.adjusted_p for one in found.classes]
    assert p_values == sorted(p_values)


def test_agreement_with_float_is_held_too(check: Check) -> None:
    changed = output()
    wrong = np.flatnonzero(
        (changed.top1[INT8] != LABELS) & (changed.top1[INT8] == changed.reference)
    )
    top1 = changed.top1[INT8].copy()
    top1[wrong[:90]] = (LABELS[wrong[:90]] + 2) % 10  # wrong as before, in another way
    changed.top1[INT8] = top1
    report = check(changed)
    assert failed(report) == {("onnx int8", "agreement")}


@pytest.mark.parametrize("what", ["images", "labels", "count"])
def test_other_images_are_not_compared(check: Check, what: str) -> None:
    changed = output()
    if what == "images":
        changed.images_sha256 = digest("others")
    elif what == "labels":
        changed.labels[0] += 1
    else:
        keep = 5000
        changed.labels, changed.reference = changed.labels[:keep], changed.reference[:keep]
        changed.top1 = {path: top1[:keep] for path, top1 in changed.top1.items()}
    report = check(changed)
    assert report.verdict == "INCOMPARABLE"
    assert len(findings(report, "accuracy", "INCOMPARABLE")) == 10
    assert {measure for _, measure in failed(report)} == {"accuracy"}
    assert all(f.change is None for f in findings(report, "accuracy").values())
    assert findings(report, "latency", "PASS")


def test_without_labels_agreement_alone_is_compared(tmp_path: Path) -> None:
    side = output()
    side.labels[:] = -1
    before = baseline_of(side.write(tmp_path / "before"))
    report = compare_baselines(before, before, load_rules())
    assert report.verdict == "PASS"
    assert findings(report, "accuracy") == {} and len(findings(report, "agreement")) == 10


def test_an_artefact_that_was_not_scored(check: Check) -> None:
    changed = output()
    lost = next(e.sha256 for e in changed.manifest.artefacts if e.path == INT8)
    changed.lines = [
        line for line in changed.lines if line.sha256 != lost or isinstance(line, Measurement)
    ]
    report = check(changed)
    assert failed(report) == {("onnx int8", "accuracy")}
    assert report.verdict == "INCOMPARABLE"
