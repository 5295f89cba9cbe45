"""Slowdowns that were planted are found, and noise is called that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fbdeploy.check.compare import compare_baselines
from fbdeploy.check.reduction import baseline_of
from fbdeploy.check.rules import load_rules
from runtime_bench.measurement import Counts, Measurement
from tests.fbdeploy.check.comparing import Check, before, check, failed, findings
from tests.fbdeploy.check.outputs import disturbed, output, slower

__all__ = ["before", "check"]


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
