"""Regressions that were planted are found, and what was left alone passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fbdeploy.check.baseline import Baseline, baseline_of
from fbdeploy.check.compare import compare_baselines
from fbdeploy.check.findings import CheckReport, Finding
from fbdeploy.check.rules import Rules, load_rules
from fbdeploy.records.manifest import Failure
from runtime_bench.measurement import Counts, Measurement
from stats.proportions import PairedOutcomes
from tests.fbdeploy.check.outputs import LABELS, Output, disturbed, flip, output, right, slower
from tests.fbdeploy.samples import digest

INT8 = "int8/model.onnx"


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    return baseline_of(output().write(tmp_path_factory.mktemp("before") / "out"))


@pytest.fixture
def check(before: Baseline, tmp_path: Path) -> Callable[..., CheckReport]:
    def run(changed: Output, rules: Rules | None = None) -> CheckReport:
        after = baseline_of(changed.write(tmp_path / "out"))
        return compare_baselines(before, after, rules or load_rules(), changed.manifest.labels)

    return run


Check = Callable[..., CheckReport]


def findings(report: CheckReport, measure: str, *verdicts: str) -> dict[str, Finding]:
    """Of one measure, by artefact; of these verdicts only, where some are given."""
    return {
        entry.name: found
        for entry in report.artefacts
        for found in entry.findings
        if found.measure == measure and (not verdicts or found.verdict in verdicts)
    }


def failed(report: CheckReport) -> set[tuple[str, str]]:
    return {(e.name, f.measure) for e in report.artefacts for f in e.findings if f.failed}


def test_the_same_passes(check: Check) -> None:
    report = check(output())
    assert report.verdict == "PASS" and failed(report) == set() and report.notes == ()
    assert {f.verdict for e in report.artefacts for f in e.findings} == {"PASS"}
    assert len(findings(report, "accuracy")) == 10 and len(findings(report, "latency")) == 8
    assert all(f.change == 0 and f.adjusted_p == 1 for f in findings(report, "accuracy").values())


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
    assert found.change_interval == expected.difference_interval().as_tuple()
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


def test_a_slowdown_is_caught(check: Check) -> None:
    changed = output()
    changed.change_latencies(slower(1.3, "litert"))
    report = check(changed)
    assert failed(report) == {("litert fp32", "latency"), ("litert int8", "latency")}
    found = findings(report, "latency")["litert int8"]
    assert found.change == pytest.approx(0.3, abs=1e-4)
    assert found.change_interval is not None and found.change_interval[0] > 0.1
    assert "is 1.300 times the baseline's, beyond 10 %" in found.reason


def test_a_slowdown_within_the_limit_passes(check: Check) -> None:
    changed = output()
    changed.change_latencies(slower(1.09))
    assert check(changed).verdict == "PASS"


def test_faster_passes(check: Check) -> None:
    changed = output()
    changed.change_latencies(slower(0.5))
    assert check(changed).verdict == "PASS"


def test_a_disturbed_session_is_noisy_however_slow(check: Check) -> None:
    changed = output()
    changed.change_latencies(lambda line: slower(2)(line) | disturbed(line))
    report = check(changed)
    assert report.verdict == "PASS" and len(findings(report, "latency", "NOISY")) == 8
    assert "this run was disturbed: drifted" in findings(report, "latency")["onnx fp32"].reason


def test_noise_can_be_made_to_fail(check: Check) -> None:
    changed = output()
    changed.change_latencies(disturbed)
    report = check(changed, load_rules(required=("accuracy", "latency")))
    assert report.verdict == "INCOMPARABLE"
    assert {measure for _, measure in failed(report)} == {"latency"}


def test_an_interval_too_wide_is_noisy(check: Check) -> None:
    generator = np.random.default_rng(0)
    changed = output()
    changed.change_latencies(
        lambda line: {
            "samples_ns": tuple(
                int(one * factor)
                for one, factor in zip(
                    line.samples_ns, generator.lognormal(0, 1, len(line.samples_ns)), strict=True
                )
            )
        }
    )
    report = check(changed)
    assert len(findings(report, "latency", "NOISY")) == 8
    assert "too wide" in findings(report, "latency")["onnx fp32"].reason


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda line: {"threads": 2}, "1 thread(s) then, 2 now"),
        (
            lambda line: {"device": line.device.model_copy(update={"cores": 4})},
            "another device: cores 2 then, 4 now",
        ),
        (lambda line: {"target": "ssh://elsewhere"}, "was not timed on local"),
        (lambda line: {"cpu_mask": (1,)}, "bound to cores none then, 1 now"),
        (lambda line: {"runtime": "another"}, "another runtime: "),
        (
            lambda line: {"counts": Counts(instructions=5), "samples_ns": ()},
            "instructions on one side, times on the other",
        ),
    ],
)
def test_unlike_settings_are_not_compared(
    check: Check, change: Callable[[Measurement], dict[str, Any]], said: str
) -> None:
    changed = output()
    changed.change_latencies(lambda line: slower(3)(line) | change(line))
    report = check(changed)
    found = findings(report, "latency")
    assert report.verdict == "PASS" and len(found) == 8
    assert all(f.verdict == "INCOMPARABLE" and f.change is None for f in found.values())
    assert all(said in f.reason for f in found.values())


def test_another_input_size_is_not_compared(check: Check) -> None:
    changed = output()
    spec = changed.manifest.input_spec.model_copy(update={"height": 160})
    changed.manifest = changed.manifest.model_copy(update={"input_spec": spec})
    report = check(changed)
    assert len(findings(report, "latency", "INCOMPARABLE")) == 8
    assert findings(report, "latency")["onnx fp32"].reason == "input 128x128 then, 160x128 now"
    assert report.notes == ("the pre-processing is another than the baseline's",)


def test_another_version_of_a_runtime_is_compared_and_named(check: Check) -> None:
    changed = output()
    changed.change_latencies(lambda line: slower(1.5)(line) | {"runtime_version": "2.0"})
    found = findings(check(changed), "latency")["onnx fp32"]
    assert found.verdict == "REGRESSED" and found.reason.endswith("onnx 1.2.3 then, 2.0 now")


def test_emulated_instructions_are_counted_without_noise(tmp_path: Path) -> None:
    sides = []
    for count in (1000, 1021):
        side = output()
        side.change_latencies(
            lambda line, n=count: {
                "kind": "emulated",
                "target": "arm://cortex-a76",
                "samples_ns": (),
                "latency_ms": None,
                "counts": Counts(instructions=n),
            }
        )
        sides.append(baseline_of(side.write(tmp_path / str(count))))
    report = compare_baselines(*sides, load_rules())
    assert len(findings(report, "instructions", "REGRESSED")) == 8
    assert compare_baselines(*sides, load_rules(max_instruction_growth=3)).verdict == "PASS"


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
