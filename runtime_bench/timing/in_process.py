"""Timing sessions of this process."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable

from runtime_bench.runtimes.base import LoadedSession
from runtime_bench.runtimes.outputs import noise

# A load has settled when two neighbouring runs after the second are this close, or this much time
# went into the runs after the first. Ours: what is left of the start is in a block's first run,
# which is thrown away, or in the upper part of the samples.
SETTLED = 0.05
SETTLE_SECONDS = 0.05


class SessionContestant:
    """A session, timed on one image of noise. A contestant of ``interleave``.

    The values do not matter to any of the kernels but must not be zeros or denormals only.
    """

    def __init__(self, session: LoadedSession) -> None:
        self._session = session
        self._run = session.prepared(noise(session.input_shape, 1, session.pixels))

    def run_block(self, runs: int) -> list[int]:
        """Durations in nanoseconds of ``runs`` runs in a row, once the process is quiet."""
        wait_until_quiet()
        return self.run_at_once(runs)

    def run_at_once(self, runs: int) -> list[int]:
        """Durations in nanoseconds of ``runs`` runs in a row, without the garbage collector."""
        clock, run = time.perf_counter_ns, self._run
        durations = []
        collecting = gc.isenabled()
        gc.disable()
        for _ in range(runs):
            start = clock()
            run()
            durations.append(clock() - start)
        if collecting:
            gc.enable()
        return durations


def settle(run: Callable[[int], list[int]]) -> None:
    """Run what has run once until two runs agree within 5 %, or for about 50 ms.

    Args:
        run: gives the durations in nanoseconds of so many runs.
    """
    (spent,) = run(1)  # no measure of settling: TorchScript compiles what it has profiled
    previous = math.inf
    while spent < SETTLE_SECONDS * 1e9:
        (latest,) = run(1)
        spent += latest
        if abs(latest / previous - 1) <= SETTLED:
            return
        previous = latest


def wait_until_quiet(timeout: float = 0.1, step: float = 0.002) -> None:
    """Wait until no thread of this process uses a processor, at most ``timeout`` seconds.

    Thread pools keep spinning after a run, in the hope of the next (onnxruntime by default for
    28 ms, OpenMP for about 1 ms), and would take a core away from whatever runs next.
    """
    deadline = time.perf_counter() + timeout
    while time.perf_counter() < deadline:
        wall, used = time.perf_counter(), time.process_time()
        time.sleep(step)
        if time.process_time() - used < 0.1 * (time.perf_counter() - wall):
            return
