from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fbdeploy.pipeline.workers import scheduler
from fbdeploy.pipeline.workers.jobs import Event, Job, Note
from fbdeploy.pipeline.workers.scheduler import ALLOCATOR, SPINS, Scheduler, busy_share
from fbdeploy.pipeline.workers.worker import Reporter


def tell_environment(report: Reporter) -> None:
    """A job: its environment as a note."""
    report.note(json.dumps(dict(os.environ)))


def _environment(folder: Path, *, exclusive: bool = False, timed: bool = False) -> dict[str, str]:
    notes: list[str] = []

    def see(job: Job, event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    job = Job(
        name="tell",
        title="tell",
        function=f"{__name__}:tell_environment",
        arguments={},
        memory=0,
        exclusive=exclusive,
        timed=timed,
    )
    outcome = Scheduler(folder, see, lambda job: None, cores=2).run([job])
    assert not outcome.failed
    found: dict[str, str] = json.loads(notes[0])
    return found


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*ALLOCATOR, "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("load", "spins"), [(0.05, True), (0.5, False)])
def test_threads_of_a_job_that_has_the_machine_wait_awake_unless_others_use_it(
    load: float, spins: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(scheduler, "busy_share", lambda: load)
    alone = _environment(tmp_path, exclusive=True)
    assert alone["OMP_NUM_THREADS"] == "2"
    assert alone.get("GOMP_SPINCOUNT") == (str(SPINS) if spins else None)
    assert alone.get("OMP_WAIT_POLICY") == (None if spins else "PASSIVE")
    shared = _environment(tmp_path)
    assert (shared["OMP_NUM_THREADS"], shared["OMP_WAIT_POLICY"]) == ("1", "PASSIVE")


def test_a_busy_loop_is_seen_at_once() -> None:
    command = [sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    try:
        time.sleep(0.3)
        assert busy_share(0.5) > 0.6
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def test_the_allocator_is_tuned_unless_the_job_is_timed_or_the_user_did(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert _environment(tmp_path).items() >= ALLOCATOR.items()
    timed = _environment(tmp_path, exclusive=True, timed=True)
    assert not timed.keys() & {*ALLOCATOR, "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")
    assert _environment(tmp_path)["GLIBC_TUNABLES"] == "glibc.malloc.tcache_count=0"
