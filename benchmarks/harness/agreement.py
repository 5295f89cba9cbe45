"""Our p50 against independent tools on the same artefact and one thread.

* ``torch.utils.benchmark`` around the same runtime's own Python call (not our session);
* onnxruntime's own profile: the median of its ``model_run`` events;
* for TorchScript, ``torch.utils.benchmark`` as its users call it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.benchmark import Timer

from benchmarks.harness.document import Document
from runtime_bench.modes import mode_of
from runtime_bench.outputs import noise_images
from runtime_bench.protocol import Subject, benchmark

ARTEFACTS = tuple(
    f"{precision}/model.{suffix}"
    for suffix in ("onnx", "pt", "tflite", "pte")
    for precision in ("fp32", "int8")
)
MINIMUM_SECONDS = 2.0
REPEATS = 3
Call = Callable[[], object]


def onnx_call(path: Path) -> Call:
    """The call of onnxruntime's documentation."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
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


def torch_median(path: Path) -> float:
    """Milliseconds by torch.utils.benchmark."""
    call = CALLS[path.suffix](path)
    timer = Timer("call()", globals={"call": call}, num_threads=1)
    return 1e3 * float(timer.blocked_autorange(min_run_time=MINIMUM_SECONDS).median)


def onnxruntime_profile(path: Path, runs: int = 2000) -> float:
    """Milliseconds by onnxruntime's own clock, warm-up left out."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
        feed = {session.get_inputs()[0].name: noise_images(path, 1)}
        for _ in range(runs):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    times = [event["dur"] for event in events if event["name"] == "model_run"]
    return float(np.median(times[runs // 10 :])) / 1e3


def run(folder: Path, document: Document) -> None:
    """Ours and theirs, one after the other, several times."""
    for repeat in range(REPEATS):
        for artefact in ARTEFACTS:
            path = folder / artefact
            if document.count(artefact=artefact) > repeat:
                continue
            (ours,) = benchmark([Subject(path)], threads=1, mode=mode_of("quick"))
            assert ours.latency_ms is not None
            profile = onnxruntime_profile(path) if path.suffix == ".onnx" else None
            document.add(
                artefact=artefact,
                ours_ms=ours.latency_ms.p50,
                torch_ms=torch_median(path),
                onnxruntime_profile_ms=profile,
            )
