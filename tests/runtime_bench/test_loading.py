from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from runtime_bench.interleave import interleave
from runtime_bench.loading import ReloadedContestant, load_all, settle
from runtime_bench.modes import Mode
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.base import FloatArray
from tests.runtime_bench.artefacts import Artefacts

MODE = Mode("test", 8, 0.001, 0.5, 1.0, loads=1, warmup_seconds=0.1, block_seconds=0.001)


class FakeSession:
    input_shape = (1, 3, 2, 2)
    threads = 1

    def run(self, batch: FloatArray) -> FloatArray:
        return np.zeros((len(batch), 1), np.float32)


class FakeRuntime:
    """Sleeps 1 ms a load, and remembers how many sessions lived when a load began."""

    def __init__(self, log: list[str], name: str) -> None:
        self._log, self._name = log, name
        self.alive: weakref.WeakSet[FakeSession] = weakref.WeakSet()
        self.found: list[int] = []

    def load(self, path: Path, threads: int) -> FakeSession:
        self._log.append(self._name)
        self.found.append(len(self.alive))
        time.sleep(0.001)
        session = FakeSession()
        self.alive.add(session)
        return session


def _fakes(log: list[str]) -> list[FakeRuntime]:
    return [FakeRuntime(log, name) for name in "abc"]


def _contestants(runtimes: list[FakeRuntime]) -> list[ReloadedContestant]:
    return [ReloadedContestant(Path("x"), runtime, 1) for runtime in runtimes]  # type: ignore[arg-type]


def test_all_are_released_before_the_first_is_loaded() -> None:
    log: list[str] = []
    runtimes = _fakes(log)
    contestants = _contestants(runtimes)
    assert not any(one.loads for one in contestants)  # the first load is outside the clock
    shared: weakref.WeakSet[FakeSession] = weakref.WeakSet()
    for runtime in runtimes:
        shared.update(runtime.alive)
        runtime.alive = shared
        runtime.found.clear()
    load_all(contestants, [2, 0, 1])
    assert log == ["a", "b", "c", "c", "a", "b"]
    assert [runtime.found for runtime in runtimes] == [[1], [2], [0]]
    for one in contestants:
        (load,) = one.loads
        assert 1_000_000 <= load.load_ns < 1_000_000_000
        assert load.first_run_ns > 0 and load.peak_memory_bytes is None
    contestants[0].release()
    with pytest.raises(RuntimeError, match="released"):
        contestants[0].run_block(1)


def test_interleave_loads_anew_every_epoch() -> None:
    log: list[str] = []
    contestants = _contestants(_fakes(log))
    series = interleave(contestants, [1e5] * 3, MODE, renew=partial(load_all, contestants))
    epochs = [len(one.samples) // (one.block_runs * (one.load_rounds or 0)) for one in series]
    assert [len(one.loads) for one in contestants] == epochs
    assert epochs[0] >= 8 and len(log) == 3 + sum(epochs)


@pytest.mark.parametrize("name", ["executorch", "torchscript", "onnx", "litert"])
def test_releasing_frees_a_session_without_the_garbage_collector(
    artefacts: Artefacts, name: str
) -> None:
    path = artefacts(name, "fp32")
    runtime = runtime_of(path)
    runtime.load(path, 1)  # the import may leave cycles behind, which hold the first session
    sessions: list[weakref.ref[object]] = []

    class Watched:
        def load(self, path: Path, threads: int) -> object:
            session = runtime.load(path, threads)
            sessions.append(weakref.ref(session))
            return session

    gc.disable()  # as interleave does
    try:
        contestant = ReloadedContestant(path, Watched(), 1)  # type: ignore[arg-type]
        contestant.load()
        contestant.release()
        assert [session() for session in sessions] == [None, None]
    finally:
        gc.enable()


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
