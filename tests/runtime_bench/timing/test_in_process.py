from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from runtime_bench.runtimes.ports import FloatArray
from runtime_bench.timing.in_process import SessionContestant, settle, wait_until_quiet


class CollectingSession:
    """Remembers whether the garbage collector was on while it ran."""

    input_shape = (1, 3, 2, 2)
    threads = 1
    pixels = None

    def __init__(self) -> None:
        self.collecting: list[bool] = []

    def prepared(self, image: FloatArray) -> Callable[[], object]:
        assert image.shape == self.input_shape and image.dtype == np.float32
        return self._run

    def _run(self) -> None:
        self.collecting.append(gc.isenabled())
        time.sleep(0.001)


@pytest.mark.parametrize("enabled", [True, False])
def test_every_run_is_timed_without_the_garbage_collector(enabled: bool) -> None:
    session = CollectingSession()
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        durations = SessionContestant(session).run_block(3)
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()
    assert len(durations) == 3
    assert all(1_000_000 <= duration < 1_000_000_000 for duration in durations)
    assert session.collecting == [False] * 3


def _settled_after(durations_ms: list[float]) -> int:
    """How many of the runs after the first were made."""
    left: Iterator[float] = iter(durations_ms)
    made = 0

    def run_block(runs: int) -> list[int]:
        nonlocal made
        made += runs
        return [round(next(left) * 1e6) for _ in range(runs)]

    settle(run_block)
    return made


def test_settling_ends_when_two_runs_agree_or_the_time_is_over() -> None:
    # TorchScript: the second run compiles, and that it resembles the third is chance.
    assert _settled_after([1.0, 1.0, 1.03, 9.0]) == 3
    assert _settled_after([16.0, 4.4, 4.2, 4.2, 9.0]) == 3
    assert _settled_after([5.0, 3.0, 2.0, 1.0, 1.0, 9.0]) == 5
    assert _settled_after([70.0, 9.0]) == 1
    assert _settled_after([20.0, 15.0, 20.0, 9.0]) == 3


def test_waits_for_spinning_threads() -> None:
    stop = time.perf_counter() + 0.06

    def spin() -> None:
        while time.perf_counter() < stop:
            pass

    thread = threading.Thread(target=spin)
    thread.start()
    wait_until_quiet(timeout=2.0)
    ended = time.perf_counter()
    thread.join()
    assert ended >= stop - 0.02


def test_waiting_for_quiet_is_bounded() -> None:
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            pass

    thread = threading.Thread(target=spin)
    thread.start()
    start = time.perf_counter()
    wait_until_quiet(timeout=0.05)
    elapsed = time.perf_counter() - start
    stop.set()
    thread.join()
    assert elapsed < 1.0
