from __future__ import annotations

import json
from pathlib import Path

import pytest

from fbdeploy.records.results import FILE_NAME, append_line, document, read_lines, summarize
from runtime_bench.measurement import Measurement, read_measurements
from tests.fbdeploy.samples import sample
from zoo.errors import InputError


def test_lines_come_back_as_they_were_written(tmp_path: Path) -> None:
    _, lines = sample()
    for line in lines:
        append_line(tmp_path, line)
    assert read_lines(tmp_path) == lines
    latencies = [line for line in lines if isinstance(line, Measurement)]
    assert read_measurements(tmp_path / FILE_NAME) == latencies


def test_a_cut_off_line_is_measured_again_and_swallows_nothing(tmp_path: Path) -> None:
    _, lines = sample()
    append_line(tmp_path, lines[0])
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes() + b'{"type": "evaluation", "key": "a')
    assert read_lines(tmp_path) == [lines[0]]
    append_line(tmp_path, lines[1])
    assert read_lines(tmp_path) == lines[:2]


def test_a_foreign_line_is_refused_with_its_number(tmp_path: Path) -> None:
    _, lines = sample()
    (tmp_path / FILE_NAME).write_text("{}\n")
    append_line(tmp_path, lines[0])
    with pytest.raises(InputError, match=r"results\.jsonl:1: the document: .*; move the file away"):
        read_lines(tmp_path)


def test_the_newest_measurement_counts(tmp_path: Path) -> None:
    manifest, lines = sample()
    newest = lines[1]
    assert isinstance(newest, Measurement) and newest.latency_ms
    slower = newest.latency_ms.model_copy(update={"p50": 99.0})
    lines.append(newest.model_copy(update={"latency_ms": slower}))
    rows = summarize(manifest, lines)
    assert rows[0].latency_ms is not None and rows[0].latency_ms.p50 == 99.0


def test_scores_on_other_images_do_not_count() -> None:
    manifest, lines = sample()
    assert manifest.evaluation_data is not None
    other = manifest.evaluation_data.model_copy(update={"identity": "other"})
    rows = summarize(manifest.model_copy(update={"evaluation_data": other}), lines)
    assert all(row.top1 is None for row in rows)


def test_core_ml_has_a_reason_instead_of_a_latency() -> None:
    rows = {(row.format, row.precision): row for row in summarize(*sample())}
    assert rows["coreml", "int8"].latency_ms is None
    assert "Apple" in rows["coreml", "int8"].latency_note


def test_the_document_has_the_fields_of_the_design() -> None:
    parsed = json.loads(json.dumps(document(*sample()), allow_nan=False))
    assert parsed["schema_version"] == 1 and len(parsed["artefacts"]) == 10
    row = parsed["results"][1]
    assert row["format"] == "executorch" and row["precision"] == "int8"
    assert set(row["latency_ms"]) == {"p50", "p90", "p99"}
    for name in ("bytes", "top1", "agreement", "parity_max_abs", "threads", "int8_share"):
        assert row[name] is not None
