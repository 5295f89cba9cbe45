"""Artefacts loaded and timed in a process of their own, which is told what to do line by line.

``python -m runtime_bench.timing.bench_process FOLDER THREADS [ARTEFACT SIZE]...``, where SIZE is
such as 224x224, or empty where the file tells it, answers each line of its stdin with one line of
JSON, and ends with its stdin or after an error. Like every process that
opens artefacts from elsewhere, it may change files in FOLDER alone where the kernel sees to it:

    load I     load artefact I, run it once, settle      {"load_ns": ..., "first_run_ns": ...}
    run I N    run it N times in a row                   {"ns": [...]}
    memory     bytes that all of it added at their peak  {"bytes": ...}, null if not known
                                                         {"error": "..."}
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from runtime_bench.machine.landlock import forbid_changes
from runtime_bench.machine.memory import peak_resident_bytes, resident_bytes
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.base import import_modules
from runtime_bench.runtimes.ports import Size
from runtime_bench.timing.in_process import SessionContestant, settle
from zoo.errors import InputError

Command = Callable[..., dict[str, Any]]


class Bench:
    """The artefacts of this process.

    Raises:
        InputError: a runtime that is not installed.
    """

    def __init__(self, paths: Sequence[Path], sizes: Sequence[Size | None], threads: int) -> None:
        self._paths, self._sizes, self._threads = paths, sizes, threads
        self._loaded: dict[int, SessionContestant] = {}
        # An app links its runtime, so Python's import of it is no part of the load.
        for runtime in dict.fromkeys(map(runtime_of, paths)):
            import_modules(runtime)
        self._resident = resident_bytes()

    def load(self, index: int) -> dict[str, Any]:
        """Load an artefact, run it once and settle.

        Raises:
            InputError: what ``Runtime.load`` raises.
        """
        path = self._paths[index]
        runtime = runtime_of(path)
        start = time.perf_counter_ns()
        session = runtime.load(path, self._threads, self._sizes[index])
        load_ns = time.perf_counter_ns() - start
        contestant = self._loaded[index] = SessionContestant(session)
        (first,) = contestant.run_at_once(1)
        settle(contestant.run_at_once)
        return {"load_ns": load_ns, "first_run_ns": first}

    def run(self, index: int, runs: int) -> dict[str, Any]:
        """Time ``runs`` runs in a row of a loaded artefact."""
        return {"ns": self._loaded[index].run_block(runs)}

    def memory(self) -> dict[str, Any]:
        """The growth of the resident set from the runtimes' import to its high-water mark."""
        peak = peak_resident_bytes()
        if peak is None or self._resident is None:
            return {"bytes": None}
        return {"bytes": max(0, peak - self._resident)}


def main(arguments: list[str]) -> int:
    """Serve stdin until it ends; the arguments are folder, threads, artefacts and sizes."""
    folder, threads, *artefacts = arguments
    forbid_changes([Path(folder)])
    # What runtimes print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        paths = [Path(artefact) for artefact in artefacts[::2]]
        bench = Bench(paths, [_size(sides) for sides in artefacts[1::2]], int(threads))
        commands: dict[str, Command] = {
            "load": bench.load,
            "run": bench.run,
            "memory": bench.memory,
        }
        for line in sys.stdin:
            command, *numbers = line.split()
            answers.write(json.dumps(commands[command](*map(int, numbers))) + "\n")
    except InputError as error:
        answers.write(json.dumps({"error": str(error)}) + "\n")
        return 1
    return 0


def _size(sides: str) -> Size | None:
    if not sides:
        return None
    height, width = sides.split("x")
    return int(height), int(width)


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    # Python's own end takes torch most of a second, and nothing is left to do.
    os._exit(status)
