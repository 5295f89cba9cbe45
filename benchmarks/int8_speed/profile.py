"""Time by operator of the exports that ``run.py`` keeps: where int8 and the ReLU twin differ.

    python -m benchmarks.int8_speed.profile --work build/runners/int8_speed \
        --output benchmarks/int8_speed/profile.json

onnxruntime's own profiler and ExecuTorch's ETDump, one thread, batch 1. Profiling costs time
itself: shares matter here, ``run.py`` has the latencies. LiteRT's Python package has no profiler.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.emulated.files import write
from runtime_bench.runtimes.onnx import open_session

RUNS = 30
Profile = dict[str, dict[str, float]]
"""Microseconds an inference and number of calls, by operator."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="where run.py keeps exports")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--network", default="fbnetv3_b")
    parser.add_argument("--size", type=int, default=224)
    options = parser.parse_args(arguments)
    shape = (1, 3, options.size, options.size)
    found: dict[str, Profile] = {}
    for path in sorted((options.work / options.network).iterdir()):
        if path.suffix == ".pte":
            found[path.stem] = profile_executorch(path, shape)
        elif path.suffix == ".onnx":
            found[path.stem] = profile_onnxruntime(path, shape)
    document = {"network": options.network, "unit": "microseconds", "profiles": found}
    write(options.output, document)


def profile_onnxruntime(path: Path, shape: tuple[int, ...]) -> Profile:
    """Kernel times of onnxruntime's trace."""
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(path, 1, trace=Path(folder) / "trace")
        name = session.get_inputs()[0].name
        for _ in range(RUNS):
            session.run(None, {name: _image(shape)})
        events = json.loads(Path(session.end_profiling()).read_text())
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("kernel_time"):
            times[event["args"]["op_name"], event["name"]].append(event["dur"])
    return _by_operator(times)


def profile_executorch(path: Path, shape: tuple[int, ...]) -> Profile:
    """The delegate's operators from an ETDump."""
    from executorch.devtools import Inspector
    from executorch.extension.pybindings import portable_lib

    portable_lib._unsafe_reset_threadpool(1)
    module = portable_lib._load_for_executorch(str(path), enable_etdump=True, debug_buffer_size=0)
    for _ in range(RUNS):
        module.forward([torch.from_numpy(_image(shape))])
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "trace.etdp"
        module.write_etdump_result_to_file(str(dump))
        blocks = Inspector(etdump_path=str(dump)).event_blocks
    times: dict[tuple[str, str], list[float]] = {}
    for index, event in enumerate(e for b in blocks if b.name == "Execute" for e in b.events):
        # These two hold the others.
        if event.name in ("DELEGATE_CALL", "Method::execute") or event.perf_data is None:
            continue
        operator = re.sub(r" #\d+$", "", event.name)
        times[operator, str(index)] = [1000.0 * value for value in event.perf_data.raw]
    return _by_operator(times)


def _image(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def _by_operator(times: dict[tuple[str, str], list[float]]) -> Profile:
    found: Profile = {}
    for (operator, _), durations in times.items():
        entry = found.setdefault(operator, {"microseconds": 0.0, "calls": 0})
        entry["microseconds"] += float(np.median(durations))
        entry["calls"] += 1
    return dict(sorted(found.items(), key=lambda item: -item[1]["microseconds"]))


if __name__ == "__main__":
    main()
