from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runtime_bench.machine.device import describe
from runtime_bench.measurement import Measurement, read_measurements
from runtime_bench.timing.resume import append_missing


def _measurement(digit: str) -> Measurement:
    return Measurement(
        kind="measured",
        created="2026-01-01T00:00:00+00:00",
        artefact="model.onnx",
        sha256=digit * 64,
        format="onnx",
        target="local",
        device=describe(),
        threads=1,
        runtime="ONNX Runtime",
        runtime_version="1",
        mode="short",
    )


def test_only_what_is_not_known_is_measured_and_all_at_once(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    lines = [_measurement(digit) for digit in "abc"]
    asked: list[list[int]] = []

    def measure(left: Sequence[int]) -> list[Measurement]:
        asked.append(list(left))
        return [lines[index] for index in left]

    keys = [line.key for line in lines]
    assert list(append_missing(results, keys, [lines[1]], measure)) == lines
    assert asked == [[0, 2]]
    assert read_measurements(results) == [lines[0], lines[2]]
    assert list(append_missing(results, keys, lines, measure)) == lines
    assert len(asked) == 1
