"""Does the ratio of two artefacts repeat? Five runs, each in a process of its own.

``interleaved`` is what one ``fbdeploy bench A B`` says, of undisturbed times; ``separate_means``
that of the means of two commands, one after the other, as a user of onnxruntime_perf_test or
benchmark_model compares.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness.document import Document
from runtime_bench.measurement import Measurement, read_measurements
from runtime_bench.timing.ratio import ratio

PAIRS = (
    ("int8/model.pte", "fp32/model.pte"),
    ("int8/model.onnx", "int8/model.tflite"),
    ("int8/model.pte", "int8/model.tflite"),
)
RUNS = 5
MODE = "quick"


def bench(artefacts: list[Path]) -> list[Measurement]:
    """``fbdeploy bench`` in a new process, in the order given."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.jsonl"
        command = [sys.executable, "-m", "fbdeploy", "bench", *map(str, artefacts)]
        command += ["--mode", MODE, "--results", str(results), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert len(json.loads(done.stdout)["measurements"]) == len(artefacts)
        return read_measurements(results)


def run(folder: Path, document: Document) -> None:
    """All pairs, run after run, so that the runs of a pair lie minutes apart."""
    for index in range(RUNS):
        alone: dict[str, Measurement] = {}  # of this run, for all pairs
        for pair in PAIRS:
            keys = dict(zip(("first", "second"), pair, strict=True))
            if document.count(**keys) > index:
                continue
            together = bench([folder / name for name in pair])
            found = ratio(*together)
            for name in pair:
                if name not in alone:
                    (alone[name],) = bench([folder / name])
            separate = [alone[name] for name in pair]
            means = [one.latency_ms.mean for one in separate if one.latency_ms]
            document.add(
                **keys,
                interleaved=found.ratio,
                interval=found.interval,
                separate_means=means[0] / means[1],
                noisy=[bool(one.noise and one.noise.noisy) for one in (*together, *separate)],
            )
