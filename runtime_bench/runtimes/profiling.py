"""Time by operator, as the runtime's own profiler tells it; apart from latency, since it disturbs.

* ONNX Runtime writes a trace of every node (``SessionOptions.enable_profiling``).
* ExecuTorch's wheel is built with event tracing: an ETDump holds every operator, those inside the
  XNNPACK delegate too, in whole microseconds.
* TorchScript runs under ``torch.profiler``; what a top-level operator calls is part of it.
* LiteRT's Python has no profiler: that of its C interface (``LiteRtCreateProfiler``) belongs to
  compiled models and is not wrapped in ai-edge-litert 2.3.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.base import missing_package
from runtime_bench.runtimes.onnx import open_session
from runtime_bench.runtimes.outputs import noise
from runtime_bench.runtimes.session import ImageSession
from zoo.errors import InputError

Encoded = NDArray[np.generic]
"""One image as the artefact takes it."""
WARMUP_RUNS, RUNS = 5, 30

# Operators by name in the order they ran, each with its kind and the microseconds of every run;
# and the microseconds of the whole inferences.
Trace = tuple[dict[str, tuple[str, list[float]]], list[float]]
# What a trace says of the runtime's own frame around the operators.
EXECUTORCH_FRAMES = {"DELEGATE_CALL", "OPERATOR_CALL"}
EXECUTORCH_WHOLE, TORCHSCRIPT_WHOLE = "Method::execute", "forward"


@dataclass(frozen=True)
class OperatorTime:
    """One operator of the artefact.

    ``kind`` is the operator's type as the runtime calls it, ``share`` that of all operators' time.
    ``microseconds`` is the mean of the runs without their slowest and fastest tenth: a median would
    be a whole number, since the runtimes' traces hold whole microseconds.
    """

    name: str
    kind: str
    microseconds: float
    share: float


@dataclass(frozen=True)
class Profile:
    """Operators in the order they run; ``milliseconds`` is a whole inference under the profiler."""

    artefact: str
    runtime: str
    runtime_version: str
    threads: int
    runs: int
    milliseconds: float
    operators: tuple[OperatorTime, ...]

    def by_kind(self) -> dict[str, tuple[int, float]]:
        """Kind -> (operators, microseconds), the costliest first."""
        counts: Counter[str] = Counter(one.kind for one in self.operators)
        times = {kind: 0.0 for kind in counts}
        for one in self.operators:
            times[one.kind] += one.microseconds
        return {
            kind: (counts[kind], times[kind]) for kind in sorted(times, key=lambda k: -times[k])
        }


def profile(path: Path, threads: int) -> Profile:
    """Profile an artefact on this machine on one image of noise, after a warm-up.

    Raises:
        InputError: the artefact cannot be loaded, or its runtime has no profiler here.
    """
    runtime = runtime_of(path)
    tracer = TRACERS.get(runtime.format)
    if tracer is None:
        able = ", ".join(TRACERS)
        raise InputError(
            f"{path}: {runtime.name} has no profiler that Python reaches; profile one of {able}"
        )
    # Loaded first, so that a file it cannot take, or threads, are refused as everywhere.
    session = runtime.load(path, threads)
    assert isinstance(session, ImageSession)
    images = session.port.encode(noise(session.input_shape, 1))
    operators, whole = tracer(path, threads, images)
    del session
    from scipy.stats import trim_mean  # a second that most commands need not wait for

    means = {name: float(trim_mean(times, 0.1)) for name, (_, times) in operators.items()}
    total = sum(means.values()) or 1.0
    return Profile(
        artefact=str(path),
        runtime=runtime.name,
        runtime_version=runtime.version(),
        threads=threads,
        runs=RUNS,
        milliseconds=float(trim_mean(whole, 0.1)) / 1e3,
        operators=tuple(
            OperatorTime(name, operators[name][0], time, time / total)
            for name, time in means.items()
        ),
    )


def _onnx(path: Path, threads: int, images: Encoded) -> Trace:
    with tempfile.TemporaryDirectory(prefix="fbdeploy-") as folder:
        session = open_session(path, threads, trace=Path(folder) / "trace")
        feed = {session.get_inputs()[0].name: images}
        for _ in range(WARMUP_RUNS + RUNS):
            session.run(None, feed)
        events: list[dict[str, Any]] = json.loads(Path(session.end_profiling()).read_text())
    operators: dict[str, tuple[str, list[float]]] = {}
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith("_kernel_time"):
            name = event["name"].removesuffix("_kernel_time")
            _, times = operators.setdefault(name, (event["args"]["op_name"], []))
            times.append(event["dur"])
    whole = [event["dur"] for event in events if event["name"] == "model_run"]
    return {n: (kind, times[WARMUP_RUNS:]) for n, (kind, times) in operators.items()}, whole[
        WARMUP_RUNS:
    ]


def _executorch(path: Path, threads: int, images: Encoded) -> Trace:
    # The caller's session has set the process's threads.
    del threads
    with missing_package("executorch"):
        from executorch.devtools import Inspector
        from executorch.extension.pybindings import portable_lib

    module = portable_lib._load_for_executorch(str(path), enable_etdump=True)
    if not module.has_etdump():
        raise InputError(f"{path}: this executorch has no event tracing; install its wheel of PyPI")
    image = torch.from_numpy(images)
    for _ in range(WARMUP_RUNS + RUNS):
        module.forward([image])
    with tempfile.TemporaryDirectory(prefix="fbdeploy-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no tensors were dumped
        dump = Path(folder) / "trace.etdp"
        module.write_etdump_result_to_file(str(dump), str(Path(folder) / "tensors.bin"))
        blocks = Inspector(etdump_path=str(dump)).event_blocks
    operators: dict[str, tuple[str, list[float]]] = {}
    whole: list[float] = []
    for event in next(block.events for block in blocks if block.name == "Execute"):
        times = [1e3 * milliseconds for milliseconds in event.perf_data.raw[WARMUP_RUNS:]]
        if event.name == EXECUTORCH_WHOLE:
            whole = times
        elif event.name not in EXECUTORCH_FRAMES:
            kind = event.name.partition(" #")[0].removeprefix("native_call_")
            operators[_numbered(event.name, operators)] = (kind, times)
    return operators, whole


def _torchscript(path: Path, threads: int, images: Encoded) -> Trace:
    session = runtime_of(path).load(path, threads)
    assert isinstance(session, ImageSession)
    for _ in range(WARMUP_RUNS):
        session.infer(images)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as trace:
        for _ in range(RUNS):
            session.infer(images)
    operators: dict[str, tuple[str, list[float]]] = {}
    whole: list[float] = []
    seen: Counter[str] = Counter()
    for event in sorted(trace.events(), key=lambda event: event.time_range.start):
        time = event.time_range.elapsed_us()
        if event.cpu_parent is None:
            if event.name == TORCHSCRIPT_WHOLE:
                whole.append(time)
                seen.clear()
        elif event.cpu_parent.name == TORCHSCRIPT_WHOLE:
            seen[event.name] += 1
            _, times = operators.setdefault(f"{event.name} #{seen[event.name]}", (event.name, []))
            times.append(time)
    return operators, whole


def _numbered(name: str, taken: dict[str, tuple[str, list[float]]]) -> str:
    """``name``, with a number behind it if there is one of that name already."""
    if name not in taken:
        return name
    number = 2
    while f"{name} #{number}" in taken:
        number += 1
    return f"{name} #{number}"


TRACERS: dict[str, Callable[[Path, int, Encoded], Trace]] = {
    "executorch": _executorch,
    "onnx": _onnx,
    "torchscript": _torchscript,
}
