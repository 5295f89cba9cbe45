from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import JsonValue
from safetensors import SafetensorError

from fbdeploy.pipeline.workers import scheduler
from fbdeploy.pipeline.workers.jobs import Event, Failed, Job, Note
from fbdeploy.pipeline.workers.scheduler import ALLOCATOR, SPINS, Outcome, Scheduler, busy_share
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


def fork_a_child(report: Reporter, own_session: bool, daemon: bool) -> None:
    """A job that leaves a child behind, which holds the job's pipes open."""
    reading, writing = os.pipe()
    if not os.fork():
        if own_session:
            os.setsid()
        if daemon and os.fork():
            os._exit(0)
        os.write(writing, f"{os.getpid()}\n".encode())
        time.sleep(60)
        os._exit(0)
    report.note(os.read(reading, 100).decode())


def read_stdin(report: Reporter) -> None:
    """A job that reads what it is not given."""
    report.note(repr((sys.stdin.read(), os.read(0, 1))))


class Odd(BaseException):
    """No Exception."""


def raise_odd(report: Reporter) -> None:
    """A job that ends badly, and whose child does too."""
    os.fork()
    raise Odd("this way")


def fill_disk(report: Reporter) -> None:
    """A job whose tensors do not fit."""
    raise SafetensorError("Error while serializing: I/O error: No space left (os error 28)")


def _run(folder: Path, function: str, **arguments: JsonValue) -> tuple[Outcome, list[str]]:
    notes: list[str] = []

    def see(job: Job, event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    job = Job(
        name="job", title="", function=f"{__name__}:{function}", arguments=arguments, memory=0
    )
    return Scheduler(folder, see, lambda job: None, cores=2).run([job]), notes


def _ends(process: int) -> bool:
    """Whether a process is gone, or dead and not yet waited for, within seconds."""
    state = Path(f"/proc/{process}/stat")
    for _ in range(100):
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    ("own_session", "daemon"), [(False, False), (True, False), (True, True), (False, True)]
)
def test_a_job_ends_with_its_process_whatever_it_leaves_behind(
    own_session: bool, daemon: bool, tmp_path: Path
) -> None:
    start = time.monotonic()
    outcome, notes = _run(tmp_path, "fork_a_child", own_session=own_session, daemon=daemon)
    assert not outcome.failed and time.monotonic() - start < 40
    assert _ends(int(notes[0]))


def test_stdin_is_empty(tmp_path: Path) -> None:
    outcome, notes = _run(tmp_path, "read_stdin")
    assert not outcome.failed
    assert notes == ["('', b'')"]


def test_any_exception_is_told_once(tmp_path: Path) -> None:
    outcome, _ = _run(tmp_path, "raise_odd")
    assert outcome.failed["job"] == Failed(cause="crash", message="Odd: this way")


def test_a_full_disk_is_one_whoever_finds_it(tmp_path: Path) -> None:
    outcome, _ = _run(tmp_path, "fill_disk")
    assert outcome.failed["job"].cause == "disk"
