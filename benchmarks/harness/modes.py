"""The modes ``standard`` and ``mlperf`` from end to end: what they promise and what they did."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.harness.document import Document
from fbdeploy.latency.measure import LatencyRequest, measure_latency
from runtime_bench.timing.modes import mode_of
from runtime_bench.timing.session import Subject

ARTEFACTS = ("int8/model.tflite", "int8/model.onnx")
MODES = ("standard", "mlperf")


def run(folder: Path, document: Document) -> None:
    """One session a mode, both artefacts in turn, loads in fresh processes."""
    for name in MODES:
        if document.count(mode=name):
            continue
        mode = mode_of(name)
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            request = LatencyRequest(
                subjects=tuple(Subject(folder / one, "int8") for one in ARTEFACTS),
                target="local",
                threads=(1,),
                mode=mode,
                results=Path(scratch) / "results.jsonl",
                cold=True,
            )
            measured = list(measure_latency(request))
        wall = time.monotonic() - start
        for artefact, one in zip(ARTEFACTS, measured, strict=True):
            assert one.latency_ms is not None and one.noise is not None
            document.add(
                mode=name,
                artefact=artefact,
                runs=one.latency_ms.runs,
                minimum_runs=mode.minimum_runs,
                seconds=sum(one.samples_ns) / 1e9,
                minimum_seconds=mode.minimum_seconds,
                session_seconds=wall,
                p50_ms=one.latency_ms.p50,
                p90_ms=one.latency_ms.p90,
                p99_ms=one.latency_ms.p99,
                p50_interval_ms=one.latency_ms.p50_interval,
                cold_load_ms=[ns / 1e6 for ns in one.load_ns],
                cold_first_run_ms=[ns / 1e6 for ns in one.first_run_ns],
                peak_memory_bytes=one.peak_memory_bytes,
                noise=list(one.noise.reasons),
            )
