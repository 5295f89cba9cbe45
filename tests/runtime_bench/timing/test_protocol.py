from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from runtime_bench.machine.pinning import pinned
from runtime_bench.measurement import Measurement, append_measurement, read_measurements
from runtime_bench.timing.interleave import Series, WarmUp
from runtime_bench.timing.modes import Mode
from runtime_bench.timing.protocol import benchmark
from runtime_bench.timing.ratio import ratio
from runtime_bench.timing.session import Subject, judge, latency_summary
from tests.runtime_bench.artefacts import Artefacts
from zoo.errors import InputError
from zoo.files import sha256_of

SHORT = Mode("short", 20, 0.02, 0.02, 1.0, loads=2, warmup_seconds=0.2, block_seconds=0.002)
TIMED = ("executorch", "torchscript", "onnx", "litert")


@pytest.fixture(autouse=True)
def _torch_threads() -> None:
    torch.set_num_threads(1)


def test_all_runtimes_are_timed_in_turn(artefacts: Artefacts) -> None:
    subjects = [Subject(artefacts(name, "fp32"), "fp32") for name in TIMED]
    prepared: list[int] = []
    done: list[float] = []
    found = benchmark(
        subjects,
        threads=1,
        mode=SHORT,
        prepare=lambda: prepared.append(1),
        progress=done.append,
    )
    assert [one.artefact for one in found] == [str(subject.path) for subject in subjects]
    assert [one.format for one in found] == list(TIMED)
    assert len({one.session for one in found}) == 1
    rounds = {len(one.samples_ns) // (one.block_runs or 0) for one in found}
    assert len(rounds) == 1
    for one in found:
        assert one.kind == "measured"
        assert one.target == "local"
        assert one.sha256 == sha256_of(Path(one.artefact))
        assert (one.threads, one.mode, one.precision) == (1, "short", "fp32")
        assert one.cpu_mask == tuple(sorted(os.sched_getaffinity(0)))
        # One load for the warm-up and one an epoch, the last of which is whole.
        assert one.load_rounds is not None and one.block_runs is not None
        epochs = len(one.samples_ns) / (one.block_runs * one.load_rounds)
        assert len(one.load_ns) == len(one.first_run_ns) == epochs + 1 >= 9
        assert min(*one.load_ns, *one.first_run_ns) > 0
        assert len(one.samples_ns) >= 20
        assert min(one.samples_ns) > 0
        assert one.warmup_runs > 0
        assert len(one.interleaved_with) == 3
        assert one.latency_ms is not None
        assert one.latency_ms.p50 == pytest.approx(np.median(one.samples_ns) / 1e6)
        assert one.latency_ms.p50 <= one.latency_ms.p90 <= one.latency_ms.p99
        assert one.device.cores == os.cpu_count()
        assert len(one.preparation_ns) == 20
    assert len(prepared) == 21
    assert done[-1] == 1.0


def test_a_copy_is_compared_with_its_original(artefacts: Artefacts, tmp_path: Path) -> None:
    copy = tmp_path / "copy.onnx"
    shutil.copy(artefacts("onnx", "fp32"), copy)
    first, second = benchmark(
        [Subject(artefacts("onnx", "fp32")), Subject(copy)], threads=1, mode=SHORT
    )
    result = ratio(first, second)
    assert result.loads == len(first.load_ns) - 1 >= 8
    assert 0.5 < result.ratio < 2.0
    (other,) = benchmark([Subject(copy)], threads=1, mode=SHORT)
    with pytest.raises(InputError, match="not measured in turn"):
        ratio(first, other)


def test_lines_from_before_loads_were_nested_are_read(artefacts: Artefacts, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    measured = _measurement(artefacts)
    line = measured.model_dump(mode="json")
    assert line.pop("load_rounds") == measured.load_rounds
    path.write_text(json.dumps(line) + "\n")
    (read,) = read_measurements(path)
    assert read == measured.model_copy(update={"load_rounds": None})
    with pytest.raises(InputError, match="not measured in turn"):
        ratio(read, read)


def test_cold_loads_are_alone_in_their_processes(artefacts: Artefacts) -> None:
    path = artefacts("onnx", "fp32")
    (found,) = benchmark([Subject(path)], threads=1, mode=SHORT, cold=True)
    assert found.cold
    # The loads within the series shared their processes with other artefacts, so are not told.
    assert len(found.load_ns) == len(found.first_run_ns) == SHORT.loads
    # A tiny network, yet its session takes some pages and not the whole runtime's.
    assert found.peak_memory_bytes is not None
    assert 10_000 < found.peak_memory_bytes < 100_000_000


def test_memory_is_of_each_alone_and_loads_stay_those_of_the_series(artefacts: Artefacts) -> None:
    subjects = [Subject(artefacts("onnx", "fp32")), Subject(artefacts("executorch", "fp32"))]
    found = benchmark(subjects, threads=1, mode=SHORT, memory=True)
    for one, subject in zip(found, subjects, strict=True):
        assert not one.cold and len(one.load_ns) > SHORT.loads
        assert one.peak_memory_bytes is not None and one.artefact == str(subject.path)
        assert 10_000 < one.peak_memory_bytes < 100_000_000


def test_core_ml_is_not_timed(artefacts: Artefacts) -> None:
    with pytest.raises(InputError, match="its time means nothing"):
        benchmark([Subject(artefacts("coreml", "fp32"))], threads=1, mode=SHORT)


def test_missing_artefact(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such artefact"):
        benchmark([Subject(tmp_path / "a.onnx")], threads=1, mode=SHORT)


def test_more_threads_than_cores(artefacts: Artefacts) -> None:
    core = min(os.sched_getaffinity(0))
    with pytest.raises(InputError, match="2 threads on 1 core"):
        benchmark([Subject(artefacts("onnx", "fp32"))], threads=2, mode=SHORT, cores=[core])


def test_pinning_binds_every_thread_and_is_undone() -> None:
    before = os.sched_getaffinity(0)
    core = max(before)
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with pinned([core]) as mask:
            assert mask == (core,)
            assert os.sched_getaffinity(0) == {core}
            assert os.sched_getaffinity(thread.native_id or 0) == {core}
        assert os.sched_getaffinity(thread.native_id or 0) == before
        with pinned(None) as mask:
            assert mask == tuple(sorted(before))
    finally:
        stop.set()
        thread.join()
    assert os.sched_getaffinity(0) == before
    with pytest.raises(InputError, match="cores 4096"), pinned([4096]):
        pass


def test_summary_is_in_milliseconds() -> None:
    samples = [round(value * 1e6) for value in range(1, 102)]
    summary = latency_summary(samples)
    assert (summary.p50, summary.p90, summary.p99) == pytest.approx((51, 91, 100))
    assert summary.iqr == pytest.approx(50)
    assert (summary.minimum, summary.mean, summary.runs) == (1, 51, 101)
    assert summary.cv == pytest.approx(np.std(np.arange(1, 102), ddof=1) / 51)
    low, high = summary.p50_interval
    assert 38 < low < 51 < high < 64


def test_disturbances_are_said() -> None:
    samples = [1_000_000] * 60
    quiet = judge(Series(5, 6, samples), WarmUp(10, True, 1e6))
    assert not quiet.noisy
    noisy = judge(
        Series(5, 6, samples), WarmUp(10, False, 1e6), ["the processor throttled 3 times"]
    )
    assert noisy.noisy
    assert noisy.reasons == (
        "the warm-up ended at its time limit, still drifting",
        "the processor throttled 3 times",
    )


def _measurement(artefacts: Artefacts) -> Measurement:
    return benchmark([Subject(artefacts("onnx", "fp32"))], threads=1, mode=SHORT)[0]


def test_cut_off_line_is_dropped_and_measured_again(artefacts: Artefacts, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    measurement = _measurement(artefacts)
    for _ in range(2):
        append_measurement(path, measurement)
    whole = path.read_bytes()
    assert whole.count(b"\n") == 2
    path.write_bytes(whole[:-40])
    assert read_measurements(path) == [measurement]
    append_measurement(path, measurement)
    assert path.read_bytes() == whole


def test_lines_of_other_types_are_left_out(artefacts: Artefacts, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"type": "evaluation", "top1": 0.5}\n')
    append_measurement(path, _measurement(artefacts))
    assert len(read_measurements(path)) == 1


def test_damaged_results_are_named(artefacts: Artefacts, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    line = _measurement(artefacts).model_dump_json()
    for text, where in (
        ("not json\n", ":1:"),
        (line + "\n" + line.replace('"threads":1', '"threads":0') + "\n", ":2: threads"),
        (line.replace('"schema_version":1', '"schema_version":9') + "\n", "schema_version"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=where):
            read_measurements(path)
    assert read_measurements(tmp_path / "none.jsonl") == []


def test_unwritable_results(artefacts: Artefacts, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        append_measurement(file / "results.jsonl", _measurement(artefacts))
