"""Our times against independent tools on the same artefact and one thread.

* ``torch.utils.benchmark`` around the runtime's own Python call (not our session), its runs taking
  turns with ours, so that the machine's noise is alike for both;
* onnxruntime's own profile: its ``model_run`` events against our clock around the same runs.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.benchmark import Timer

from benchmarks.harness.document import Document
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.onnx import open_session
from runtime_bench.runtimes.outputs import noise_images
from runtime_bench.timing.in_process import SessionContestant, wait_until_quiet
from runtime_bench.timing.interleave import interleave, warm_up
from runtime_bench.timing.modes import mode_of
from stats.loads import LoadComparison, compare_loads

ARTEFACTS = tuple(
    f"{precision}/model.{suffix}"
    for suffix in ("onnx", "pt", "tflite", "pte")
    for precision in ("fp32", "int8")
)
REPEATS = 1
MODE = mode_of("quick")
Call = Callable[[], object]


def onnx_call(path: Path) -> Call:
    """The call of onnxruntime's documentation, in a session that computes as ours does."""
    session = open_session(path, 1)
    feed = {session.get_inputs()[0].name: noise_images(path, 1)}
    return lambda: session.run(None, feed)


def torchscript_call(path: Path) -> Call:
    """The call of torch's documentation."""
    torch.backends.quantized.engine = "qnnpack"
    module: Any = torch.jit.load(str(path)).eval()  # type: ignore[no-untyped-call]
    image = torch.from_numpy(noise_images(path, 1))

    def call() -> object:
        with torch.inference_mode():
            return module(image)

    return call


def litert_call(path: Path) -> Call:
    """The call of LiteRT's documentation."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], noise_images(path, 1))
    call: Call = interpreter.invoke
    return call


def executorch_call(path: Path) -> Call:
    """The call of ExecuTorch's documentation."""
    from executorch.runtime import Runtime

    method = Runtime.get().load_program(path).load_method("forward")
    image = torch.from_numpy(noise_images(path, 1))
    return lambda: method.execute([image])


CALLS: dict[str, Callable[[Path], Call]] = {
    ".onnx": onnx_call,
    ".pt": torchscript_call,
    ".tflite": litert_call,
    ".pte": executorch_call,
}


class TorchContestant:
    """Runs that ``torch.utils.benchmark`` times, one by one."""

    def __init__(self, call: Call) -> None:
        self._timer = Timer("call()", globals={"call": call}, num_threads=1)

    def run_block(self, runs: int) -> list[int]:
        """Durations in nanoseconds, once the process is quiet."""
        wait_until_quiet()
        return [round(1e9 * self._timer.timeit(1).median) for _ in range(runs)]


def against_torch(path: Path) -> tuple[float, float, LoadComparison]:
    """Our median and torch's in milliseconds, and their undisturbed times compared.

    Both are sessions of this process, which is never renewed: a call is compared with a call,
    round by round.
    """
    session = runtime_of(path).load(path, 1)
    contestants = [SessionContestant(session), TorchContestant(CALLS[path.suffix](path))]
    warmed = [warm_up(one, MODE) for one in contestants]
    medians = [warm.median_ns for warm in warmed]
    ours, theirs = interleave(contestants, medians, MODE, renew=lambda order: None)
    compared = compare_loads(
        ours.samples,
        theirs.samples,
        first_runs=ours.block_runs,
        second_runs=theirs.block_runs,
    )
    return float(np.median(ours.samples)) / 1e6, float(np.median(theirs.samples)) / 1e6, compared


def against_profile(path: Path, runs: int = 1000) -> tuple[float, float]:
    """Medians in milliseconds of the same runs: our clock around them, and onnxruntime's own."""
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(path, 1, trace=Path(folder) / "profile")
        feed = {session.get_inputs()[0].name: noise_images(path, 1)}
        ours = []
        for _ in range(runs):
            start = time.perf_counter_ns()
            session.run(None, feed)
            ours.append(time.perf_counter_ns() - start)
        events = json.loads(Path(session.end_profiling()).read_text())
    theirs = [event["dur"] for event in events if event["name"] == "model_run"]
    assert len(theirs) == runs
    warm = runs // 10
    return float(np.median(ours[warm:])) / 1e6, float(np.median(theirs[warm:])) / 1e3


def run(folder: Path, document: Document) -> None:
    """Every artefact, ``REPEATS`` times."""
    for repeat in range(REPEATS):
        for artefact in ARTEFACTS:
            path = folder / artefact
            if document.count(artefact=artefact) > repeat:
                continue
            ours, theirs, compared = against_torch(path)
            profiled = against_profile(path) if path.suffix == ".onnx" else (None, None)
            document.add(
                artefact=artefact,
                ours_ms=ours,
                torch_ms=theirs,
                ratio=compared.ratio,
                interval=compared.interval,
                profiled_ours_ms=profiled[0],
                profiled_onnxruntime_ms=profiled[1],
            )
