"""Artefacts of this machine in fresh processes: alone for their memory, together to be timed.

Where a process has its code and pools, and a load its memory, makes an artefact faster or slower
until the next process (Mytkowicz et al. 2009, ASPLOS). No number of runs shows it, only several
processes do (Kalibera and Jones 2013, ISMM).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime_bench.machine.commands import last_line
from runtime_bench.machine.python_process import module_command, with_our_packages
from runtime_bench.targets.base import LineProcess
from runtime_bench.timing.session import Subject
from zoo.errors import InputError

START_TIMEOUT = 300.0  # seconds to import the runtimes and load one artefact
BLOCK_TIMEOUT = 600.0
ALONE_RUNS = 5  # after which the peak of an artefact's memory is reached


@dataclass(frozen=True)
class Load:
    """Nanoseconds of a load and its first run."""

    load_ns: int
    first_run_ns: int


class FreshProcess:
    """A new ``bench_process``, with the cores that this process has.

    Its methods raise InputError for what ``Runtime.load`` refuses, and where the process ends.
    """

    def __init__(self, subjects: Sequence[Subject], threads: int) -> None:
        self._paths = [subject.path for subject in subjects]
        self._current: Path | None = None  # the artefact of the last command
        self._folder = tempfile.TemporaryDirectory(prefix="fbdeploy-bench-")
        self._process = LineProcess(
            module_command(
                "runtime_bench.timing.bench_process",
                self._folder.name,
                str(threads),
                *(part for subject in subjects for part in (subject.path, _sides(subject))),
            ),
            self._explain,
            env={**with_our_packages(os.environ), "TMPDIR": self._folder.name},
        )

    def load(self, index: int) -> Load:
        """Load an artefact and run it until it has settled."""
        self._current = self._paths[index]
        return Load(**self._ask(f"load {index}", START_TIMEOUT))

    def run(self, index: int, runs: int) -> list[int]:
        """Durations in nanoseconds of ``runs`` runs in a row of a loaded artefact."""
        self._current = self._paths[index]
        durations: list[int] = self._ask(f"run {index} {runs}", BLOCK_TIMEOUT)["ns"]
        return durations

    def peak_memory_bytes(self) -> int | None:
        """What loads and runs added to the process at their peak; None: the system does not say."""
        peak: int | None = self._ask("memory", BLOCK_TIMEOUT)["bytes"]
        return peak

    def close(self) -> None:
        """End the process; never raises."""
        self._process.close()
        with suppress(OSError):
            self._folder.cleanup()

    def _ask(self, command: str, timeout: float) -> dict[str, Any]:
        self._process.send(command)
        answer: dict[str, Any] = json.loads(self._process.read_line(timeout))
        if "error" in answer:
            raise InputError(answer["error"])
        return answer

    def _explain(self, returncode: int | None, stderr: str) -> InputError:
        reason = last_line(stderr, f"exit code {returncode}")
        return InputError(
            f"{self._current}: a fresh process could not run it ({reason}); try it with 1 thread"
        )


class RenewedProcess:
    """Artefacts that are timed together in one process, which is replaced again and again.

    ``loads`` holds the loads of each artefact, one a process. The methods raise what
    ``FreshProcess`` raises.
    """

    def __init__(self, subjects: Sequence[Subject], threads: int) -> None:
        self._subjects, self._threads = subjects, threads
        self._process: FreshProcess | None = None
        self.contestants = [_Contestant(self, index) for index in range(len(subjects))]
        self.loads: list[list[Load]] = [[] for _ in subjects]

    def renew(self, order: Sequence[int]) -> None:
        """End the process, start another and load all artefacts in the order given."""
        self.close()
        self._process = FreshProcess(self._subjects, self._threads)
        for index in order:
            self.loads[index].append(self._process.load(index))

    def run(self, index: int, runs: int) -> list[int]:
        """Durations in nanoseconds of ``runs`` runs in a row."""
        if self._process is None:
            raise RuntimeError(f"{self._subjects[index].path}: not loaded")
        return self._process.run(index, runs)

    def close(self) -> None:
        """End the process; never raises."""
        if self._process is not None:
            self._process.close()
            self._process = None


@dataclass(frozen=True)
class _Contestant:
    process: RenewedProcess
    index: int

    def run_block(self, runs: int) -> list[int]:
        return self.process.run(self.index, runs)


def _sides(subject: Subject) -> str:
    """The size of an artefact's images, such as ``224x224``; empty where the file tells it."""
    return "" if subject.input_size is None else "x".join(map(str, subject.input_size))


@dataclass(frozen=True)
class ColdRun:
    """A load of an artefact alone in its process, and the bytes that it added at their peak.

    ``peak_memory_bytes`` is None where the system does not tell.
    """

    load: Load
    peak_memory_bytes: int | None


def run_alone(subject: Subject, threads: int) -> ColdRun:
    """Load and run an artefact in a new process of its own.

    Memory is not measured while others are timed: it is one number a process, and the peak stays.

    Raises:
        InputError: the artefact cannot be loaded there.
    """
    process = FreshProcess([subject], threads)
    try:
        load = process.load(0)
        process.run(0, ALONE_RUNS)
        return ColdRun(load, process.peak_memory_bytes())
    finally:
        process.close()
