"""Artefacts of this process that are loaded anew while they are timed.

Where a load's memory lies makes the artefact faster or slower until the next load (Mytkowicz et al.
2009, ASPLOS), which no number of runs shows; only several loads do (Kalibera and Jones 2013, ISMM).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from runtime_bench.fresh_process import ColdRun
from runtime_bench.runtimes import Runtime, Session
from runtime_bench.runtimes.base import FloatArray

# A load has settled when two neighbouring runs after the second are this close, or this much time
# went into the runs after the first. Ours: what is left of the start is in a block's first run,
# which is thrown away, or in the upper part of the samples.
SETTLED = 0.05
SETTLE_SECONDS = 0.05


class SessionContestant:
    """A session of this process, timed on one image of noise.

    The values do not matter to any of the kernels but must not be zeros or denormals only.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        generator = np.random.default_rng(0)
        self._image: FloatArray = generator.standard_normal(session.input_shape, np.float32)

    def run_block(self, runs: int) -> list[int]:
        """Durations in nanoseconds of ``runs`` runs in a row."""
        clock, run, image = time.perf_counter_ns, self._session.run, self._image
        durations = []
        for _ in range(runs):
            start = clock()
            run(image)
            durations.append(clock() - start)
        return durations


class ReloadedContestant:
    """An artefact with a session that can be exchanged. A contestant of ``interleave``.

    Loaded once from the start, outside the clock: the runtime's import is not the artefact's load.
    ``loads`` holds the timed loads, in the order they were made; their peak memory is None.

    Raises:
        InputError: what ``Runtime.load`` raises.
    """

    def __init__(self, path: Path, runtime: Runtime, threads: int) -> None:
        self._path, self._runtime, self._threads = path, runtime, threads
        # The image is made with the session: one that outlived it would lie better or worse than
        # another artefact's in all loads alike, and count as a difference of the artefacts.
        self._current: SessionContestant | None = SessionContestant(runtime.load(path, threads))
        self.loads: list[ColdRun] = []

    def release(self) -> None:
        """Let the session go, so that the next load does not find its memory in use."""
        self._current = None

    def load(self) -> None:
        """Load, run first and settle; adds to ``loads``.

        Raises:
            InputError: what ``Runtime.load`` raises.
        """
        start = time.perf_counter_ns()
        session = self._runtime.load(self._path, self._threads)
        duration = time.perf_counter_ns() - start
        self._current = SessionContestant(session)
        (first,) = self._current.run_block(1)
        self.loads.append(ColdRun(duration, first, None))
        settle(self._current.run_block)

    def run_block(self, runs: int) -> list[int]:
        """Durations in nanoseconds of ``runs`` runs in a row of the session at hand."""
        if self._current is None:
            raise RuntimeError(f"{self._path}: released and not loaded again")
        return self._current.run_block(runs)


def settle(run_block: Callable[[int], list[int]]) -> None:
    """Run what has run once until two runs agree within 5 %, or for about 50 ms.

    Args:
        run_block: gives the durations in nanoseconds of so many runs.
    """
    (spent,) = run_block(1)  # no measure of settling: TorchScript compiles what it has profiled
    previous = math.inf
    while spent < SETTLE_SECONDS * 1e9:
        (latest,) = run_block(1)
        spent += latest
        if abs(latest / previous - 1) <= SETTLED:
            return
        previous = latest


def load_all(contestants: Sequence[ReloadedContestant], order: Sequence[int]) -> None:
    """Release all sessions, then load all in the order given: ``interleave``'s ``renew``.

    Raises:
        InputError: what ``Runtime.load`` raises.
    """
    for contestant in contestants:
        contestant.release()
    for index in order:
        contestants[index].load()
