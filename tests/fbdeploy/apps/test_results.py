from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fbdeploy.apps.bench import AppBenchRequest, bench_app, start_arguments
from fbdeploy.apps.results import import_results, parse_app_results, read_app_results
from runtime_bench.measurement import read_measurements
from tests.fbdeploy.samples import sample
from zoo.errors import InputError

LATENCIES = [4.0, 5.0, 6.0, 7.0, 20.0]


def result(digest: str, **changes: Any) -> dict[str, Any]:
    p50, p90, p99 = np.percentile(LATENCIES, (50, 90, 99))
    state = {
        "thermal_status": 0,
        "battery_percent": 80,
        "charging": False,
        "power_save": False,
    }
    run = {
        "model": "onnx-int8",
        "sha256": digest,
        "format": "onnx",
        "precision": "int8",
        "backend": "onnxruntime",
        "backend_version": "1.29.0",
        "compute_units": None,
        "threads": 4,
        "warmup": 10,
        "iterations": 5,
        "load_ms": 12.5,
        "latencies_ms": LATENCIES,
        "latency_ms": {"p50": p50, "p90": p90, "p99": p99},
        "golden": {
            "images": 9,
            "pixel_max_abs": 0,
            "tensor_max_abs": 0.0,
            "logit_max_abs": 0.01,
            "top_equal": 9,
        },
        "before": state,
        "after": state,
    }
    return {
        "schema_version": 1,
        "app": "android_demo",
        "platform": "android",
        "started_at": "2026-01-02T03:04:05Z",
        "network": "default",
        "device": {
            "manufacturer": "Maker",
            "model": "Phone 1",
            "os_version": "16 (API 36)",
            "abi": "arm64-v8a",
            "cores": 8,
            "core_max_khz": [1_800_000] * 4 + [2_800_000] * 4,
        },
        "runs": [run | changes],
    }


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "manifest.json").write_text(sample()[0].model_dump_json())
    return folder


def onnx_sha() -> str:
    return next(entry.sha256 for entry in sample()[0].artefacts if entry.format == "onnx")


def write(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "result.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_results_become_measurements(tmp_path: Path, output: Path) -> None:
    path = write(tmp_path, result(onnx_sha()))
    (measurement,) = import_results(path, output)
    assert read_measurements(output / "results.jsonl") == [measurement]
    assert measurement.kind == "measured"
    assert measurement.sha256 == onnx_sha()
    assert measurement.target == "app://android/Phone 1/onnxruntime"
    assert measurement.device.name == "Maker Phone 1"
    assert measurement.device.maximum_mhz[0] == 1800
    assert measurement.samples_ns == (4_000_000, 5_000_000, 6_000_000, 7_000_000, 20_000_000)
    assert measurement.latency_ms and measurement.latency_ms.p50 == 6.0
    assert measurement.threads == 4
    assert "prepare" not in measurement.note
    import_results(path, output)
    assert len(read_measurements(output / "results.jsonl")) == 1, "imported twice, stored once"


def test_what_preparing_took_is_noted(tmp_path: Path, output: Path) -> None:
    path = write(tmp_path, result(onnx_sha(), prepare_ms=3.456))
    assert "3.46 ms to prepare a picture" in import_results(path, output)[0].note
    with pytest.raises(InputError, match="prepare_ms"):
        read_app_results(write(tmp_path, result(onnx_sha(), prepare_ms=-1)))


def test_core_ml_runs_keep_their_compute_units(tmp_path: Path, output: Path) -> None:
    document = result(onnx_sha(), compute_units="all", threads=None, backend="coreml")
    (measurement,) = import_results(write(tmp_path, document), output)
    assert measurement.target.endswith("/all")
    assert measurement.threads == 8
    assert "threads chosen by the runtime" in measurement.note


def test_what_disturbed_a_run_is_noted(tmp_path: Path, output: Path) -> None:
    hot = {"thermal_status": 3, "battery_percent": 5, "charging": True, "power_save": True}
    golden = result("")["runs"][0]["golden"] | {"top_equal": 7}
    document = result(onnx_sha(), after=hot, golden=golden)
    (measurement,) = import_results(write(tmp_path, document), output)
    assert measurement.state_after and measurement.state_after.throttled
    for words in ("throttling", "power saving", "2 of 9 golden images"):
        assert words in measurement.note


def test_a_model_of_another_folder_is_refused(tmp_path: Path, output: Path) -> None:
    with pytest.raises(InputError, match="does not hold"):
        import_results(write(tmp_path, result("f" * 64)), output)
    assert not (output / "results.jsonl").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"latency_ms": {"p50": 1.0, "p90": 2.0, "p99": 3.0}}, "does not follow"),
        ({"iterations": 6}, "5 latencies for 6 iterations"),
        ({"latencies_ms": [1.0, -1.0, 1.0, 1.0, 1.0]}, "latencies_ms"),
        ({"latencies_ms": []}, "0 latencies"),
        ({"surprise": 1}, "surprise"),
        ({"sha256": "short"}, "sha256"),
        ({"format": "torchscript"}, "format"),
        ({"compute_units": "gpu"}, "compute_units"),
    ],
)
def test_results_outside_the_schema_are_refused(
    tmp_path: Path, output: Path, change: dict[str, Any], named: str
) -> None:
    with pytest.raises(InputError, match=named) as error:
        import_results(write(tmp_path, result(onnx_sha(), **change)), output)
    assert "\n" not in str(error.value)
    assert not (output / "results.jsonl").exists()


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not JSON"):
        read_app_results(write(tmp_path, "{"))
    with pytest.raises(InputError, match="cannot be read"):
        read_app_results(tmp_path / "none.json")
    with pytest.raises(InputError, match="schema_version"):
        parse_app_results(json.dumps(result("0" * 64) | {"schema_version": 9}), "x")


class FakePhone:
    """Answers like adb, with the result file appearing after some looks."""

    def __init__(self, *, looks: int = 2, error: str = "", started: str = "Status: ok") -> None:
        self.looks, self.error, self.started = looks, error, started
        self.commands: list[list[str]] = []

    def __call__(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self.commands.append(list(command))
        if "am" in command:
            return self._answer(self.started)
        if command[-1].endswith(".error"):
            return self._answer(self.error) if self.error else self._answer("", 1)
        self.looks -= 1
        if self.looks or self.error:
            return self._answer("", 1)
        return self._answer(json.dumps(result("0" * 64)))

    def _answer(self, out: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], code, out, "")


def test_the_app_is_started_and_its_result_fetched() -> None:
    phone, waits = FakePhone(), list[float]()
    request = AppBenchRequest("onnx-int8", iterations=50, warmup=5, threads=2)
    results = bench_app("SERIAL", request, run=phone, sleep=waits.append)
    assert results.runs[0].model == "onnx-int8"
    assert waits == [1.0]
    start = " ".join(phone.commands[0])
    assert start.startswith("adb -s SERIAL shell am start -W -S -n dev.fbdeploy.demo/.Benchmark")
    extras = ("--es model onnx-int8", "--ei iterations 50", "--ef seconds 0.0", "--ei warmup 5")
    for extra in (*extras, "--ef warmup_seconds 0.0", "--ei threads 2"):
        assert extra in start
    name = start.split("--es name ")[1].split()[0]
    assert phone.commands[1][-1] == f"files/results/{name}.json"
    assert phone.commands[1][3:7] == ["shell", "run-as", "dev.fbdeploy.demo", "cat"]


def test_the_app_s_error_is_passed_on() -> None:
    with pytest.raises(InputError, match="no model x in the bundle"):
        bench_app("S", AppBenchRequest("x"), run=FakePhone(error="no model x in the bundle"))


def test_an_absent_app_and_an_endless_run_are_refused() -> None:
    absent = FakePhone(started="Error type 3\nError: Activity class does not exist.")
    with pytest.raises(InputError, match="install android_demo"):
        bench_app("S", AppBenchRequest("x"), run=absent)
    with pytest.raises(InputError, match="no result after 3 s"):
        bench_app(
            "S",
            AppBenchRequest("x"),
            run=FakePhone(looks=99),
            timeout_seconds=3,
            sleep=lambda _: None,
        )


def test_a_model_name_cannot_reach_the_phone_s_shell() -> None:
    phone = FakePhone()
    with pytest.raises(InputError, match="is no model"):
        bench_app("S", AppBenchRequest("x; reboot"), run=phone)
    assert phone.commands == []


def test_a_missing_adb_is_named() -> None:
    with pytest.raises(InputError, match="no-such-adb: is not installed"):
        bench_app("S", AppBenchRequest("x"), adb="no-such-adb")


def test_the_command_fits_the_activity() -> None:
    source = Path(__file__).parents[3] / "android_demo/app/src/main"
    kotlin = (source / "kotlin/dev/fbdeploy/demo/BenchmarkActivity.kt").read_text()
    words = start_arguments(AppBenchRequest("onnx-int8"), "run1")
    readers = {"--es": "getStringExtra", "--ei": "getIntExtra", "--ef": "getFloatExtra"}
    extras = [
        (words[at + 1], readers[words[at]]) for at in range(len(words)) if words[at] in readers
    ]
    assert len(extras) == 7
    for name, reader in extras:
        constant = re.search(rf'const val (\w+) = "{name}"', kotlin)
        assert constant and f"{reader}({constant[1]}" in kotlin, name
    assert 'android:name=".BenchmarkActivity"' in (source / "AndroidManifest.xml").read_text()
    assert '"results"' in kotlin
