"""The user's tools: no arm64 build of them can be had here, so programs that print their documented
output stand in for them; the commands they get and the lines they print are the tools' own."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime_bench.runners.user_binary import (
    read_benchmark_model,
    read_executor_runner,
    run_tool_on,
)
from runtime_bench.targets.base import TargetError
from runtime_bench.targets.local import LocalTarget
from runtime_bench.timing.modes import mode_of
from zoo.errors import InputError

# What an arm64 benchmark_model of 2024 and one of 2019 printed.
BENCHMARK_MODEL = """INFO: Graph: [model.tflite]
INFO: Initialized session in 119.515ms.
INFO: count=9 first=87112 curr=51629 min=51629 max=87112 avg=58147.4 std=11478 p5=51629 median=51962 p95=87112

INFO: Running benchmark for at least 1000 iterations and at least 1 seconds
INFO: count=1000 first=52162 curr=49785 min=49088 max=686105 avg=63743.2 std=60716 p5=49620 median=51891 p95=68628

INFO: Inference timings in us: Init: 119515, First inference: 87112, Warmup (avg): 58147.4, Inference (avg): 63743.2
INFO: Memory footprint delta from the start of the tool (MB): init=55.4961 overall=55.4961
"""  # noqa: E501
OLD_BENCHMARK_MODEL = """count=215 first=12231 curr=2106 min=2065 max=12231 avg=2331.42 std=746
count=459 first=2143 curr=2101 min=2056 max=2656 avg=2177.1 std=124
Average inference timings in us: Warmup: 2331.42, Init: 896, no stats: 2177.1
"""
EXECUTOR_RUNNER = """I 00:00:00.010 executorch:executor_runner.cpp:600] Model loaded in 8.250000 ms.
{iterations}
I 00:00:00.900 executorch:executor_runner.cpp:700] Model executed successfully 13 time(s) in 60.5 ms.
"""  # noqa: E501
ITERATIONS = "\n".join(
    f"I 00:00:00.1 executorch:executor_runner.cpp:690] Iteration {i + 1} of 13: {ms:f} ms"
    for i, ms in enumerate([20.0, *[3.0] * 9, 4.0, 5.0, 4.5])
)


def test_benchmark_model_is_read() -> None:
    found = read_benchmark_model(BENCHMARK_MODEL)
    assert (found.runs, found.median) == (1000, 51.891)
    assert found.mean == pytest.approx(63.7432)
    assert (found.minimum, found.maximum) == (49.088, 686.105)
    assert (found.load, found.first_run, found.samples) == (119.515, 87.112, ())


def test_an_old_benchmark_model_tells_less() -> None:
    found = read_benchmark_model(OLD_BENCHMARK_MODEL)
    assert (found.runs, found.median) == (459, None)
    assert found.mean == pytest.approx(2.1771)
    assert (found.load, found.first_run) == (0.896, None)


def test_executor_runner_is_read_without_its_warm_up() -> None:
    found = read_executor_runner(EXECUTOR_RUNNER.format(iterations=ITERATIONS))
    assert found.samples == (4.0, 5.0, 4.5)
    assert (found.runs, found.median, found.mean) == (3, 4.5, 4.5)
    assert (found.load, found.first_run) == (8.25, 20.0)


def test_an_old_executor_runner_tells_the_total_only() -> None:
    found = read_executor_runner(EXECUTOR_RUNNER.format(iterations=""))
    assert (found.runs, found.median, found.samples) == (13, None, ())
    assert found.mean == pytest.approx(60.5 / 13)


def _program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return path


def test_a_tool_is_sent_and_run_with_its_own_options(tmp_path: Path) -> None:
    (tmp_path / "said").write_text(BENCHMARK_MODEL)
    binary = _program(
        tmp_path, "my tool", f"echo \"$@\" > '{tmp_path}/got'; cat model.tflite '{tmp_path}/said'"
    )
    artefact = tmp_path / "a b's.tflite"
    artefact.write_text("tflite\n")
    target = LocalTarget()
    try:
        found = run_tool_on(target, binary, artefact, threads=2, mode=mode_of("standard"))
    finally:
        target.cleanup()
    assert found.tool == "benchmark_model" and found.timings_ms.median == 51.891
    assert (found.artefact, found.threads, found.target) == (str(artefact), 2, "local")
    got = (tmp_path / "got").read_text().split()
    assert got[:3] == ["--graph=model.tflite", "--num_threads=2", "--use_xnnpack=true"]
    assert "--num_runs=50" in got and "--min_secs=5" in got


def test_what_cannot_be_run_or_read_is_refused(tmp_path: Path) -> None:
    artefact = tmp_path / "model.pte"
    artefact.write_text("pte")
    target = LocalTarget()

    def run(binary: Path, path: Path = artefact) -> None:
        run_tool_on(target, binary, path, threads=1, mode=mode_of("quick"))

    try:
        with pytest.raises(InputError, match=r"no known tool.*executor_runner for \.pte"):
            run(artefact, tmp_path / "model.onnx")
        with pytest.raises(InputError, match="is no program; give executor_runner"):
            run(artefact)
        with pytest.raises(InputError, match=r"did not print what executor_runner does.*: hello"):
            run(_program(tmp_path, "other", "echo hello"))
        with pytest.raises(TargetError, match="executor_runner: no model; is it built for"):
            run(_program(tmp_path, "failing", "echo no model >&2; exit 3"))
    finally:
        target.cleanup()
