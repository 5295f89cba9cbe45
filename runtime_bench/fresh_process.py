"""Load, first run and peak memory of an artefact in a process of its own: the cold repeats.

Memory is not measured while others are timed: it is one number a process, and the peak stays.
Run as ``python -m runtime_bench.fresh_process ARTEFACT THREADS`` it prints one JSON line.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from runtime_bench.memory import peak_resident_bytes, resident_bytes
from runtime_bench.runtimes import runtime_of
from zoo.errors import InputError

STEADY_RUNS = 5


@dataclass(frozen=True)
class ColdRun:
    """Nanoseconds of load and first run; bytes that loading and running added at their peak.

    ``peak_memory_bytes`` is the growth of the resident set from after the runtime's import to its
    high-water mark; None where the system does not tell.
    """

    load_ns: int
    first_run_ns: int
    peak_memory_bytes: int | None


def run_in_fresh_process(path: Path, threads: int) -> ColdRun:
    """Measure ``path`` in a new Python process with the cores of this one.

    Raises:
        InputError: the artefact cannot be loaded there.
    """
    finished = subprocess.run(
        [sys.executable, "-m", "runtime_bench.fresh_process", str(path), str(threads)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(part for part in sys.path if part)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = finished.stdout.splitlines()
    if finished.returncode or not lines:
        said = [line for line in finished.stderr.splitlines() if line.strip()]
        reason = said[-1] if said else f"exit code {finished.returncode}"
        raise InputError(
            f"{path}: a fresh process could not run it ({reason}); try it with 1 thread"
        )
    return ColdRun(**json.loads(lines[-1]))


def measure(path: Path, threads: int) -> ColdRun:
    """Measure in this process, which should not have loaded anything before."""
    runtime = runtime_of(path)
    runtime.version()
    # An app links its runtime, so Python's import of it is no part of the load.
    importlib.import_module(runtime.module)
    resident = resident_bytes()
    start = time.perf_counter_ns()
    session = runtime.load(path, threads)
    loaded = time.perf_counter_ns()
    image = np.random.default_rng(0).standard_normal(session.input_shape, np.float32)
    before = time.perf_counter_ns()
    session.run(image)
    first = time.perf_counter_ns() - before
    for _ in range(STEADY_RUNS):
        session.run(image)
    peak = peak_resident_bytes()
    grown = None if peak is None or resident is None else max(0, peak - resident)
    return ColdRun(loaded - start, first, grown)


def main(arguments: list[str]) -> None:
    """Print one measurement; the arguments are the artefact and the threads."""
    path, threads = arguments
    print(json.dumps(asdict(measure(Path(path), int(threads)))))


if __name__ == "__main__":
    main(sys.argv[1:])
