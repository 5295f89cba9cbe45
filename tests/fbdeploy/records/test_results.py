from __future__ import annotations

import json
from pathlib import Path

import pytest

from fbdeploy.records.results import FILE_NAME, append_line, read_lines
from fbdeploy.records.rows import document, summarize
from runtime_bench.measurement import Measurement, append_measurement, read_measurements
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
    assert parsed["schema_version"] == 2 and len(parsed["artefacts"]) == 10
    row = parsed["results"][1]
    assert row["format"] == "executorch" and row["precision"] == "int8"
    assert row["program"] == "ptq"
    assert set(row["latency_ms"]) == {"p50", "p90", "p99"}
    for name in ("bytes", "top1", "agreement", "parity_max_abs", "threads", "int8_share"):
        assert row[name] is not None


@pytest.mark.parametrize("newline", ["", "\n"])
def test_both_readers_refuse_a_foreign_last_line_and_no_writer_removes_it(
    newline: str, tmp_path: Path
) -> None:
    latencies = [line for line in sample()[1] if isinstance(line, Measurement)]
    path = tmp_path / FILE_NAME
    append_line(tmp_path, latencies[0])
    path.write_text(path.read_text() + '{"type": "latency", "foreign": 1}' + newline)
    for _ in range(2):
        for read in (lambda: read_lines(tmp_path), lambda: read_measurements(path)):
            with pytest.raises(InputError, match=r"results\.jsonl:2: .*; move the file away"):
                read()
        append_measurement(path, latencies[1])
    assert '"foreign"' in path.read_text()


def test_both_readers_take_a_name_with_a_line_separator(tmp_path: Path) -> None:
    latencies = [line for line in sample()[1] if isinstance(line, Measurement)]
    odd = latencies[0].model_copy(update={"artefact": "mo\u2028del.onnx", "note": "a\x85b"})
    append_line(tmp_path, odd)
    append_measurement(tmp_path / FILE_NAME, odd)
    assert read_lines(tmp_path) == read_measurements(tmp_path / FILE_NAME) == [odd, odd]
