from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors import SafetensorError

from fbdeploy.pipeline.workers import machine
from fbdeploy.pipeline.workers.jobs import (
    Asked,
    Ended,
    Event,
    Failed,
    Job,
    Note,
    Reporter,
    Work,
)
from fbdeploy.pipeline.workers.local import LocalRunner, startable
from fbdeploy.pipeline.workers.machine import ALLOCATOR, SPINS, busy_share
from fbdeploy.pipeline.workers.runner import Outcome
from zoo.documents import Schema


class Nothing(Schema):
    """No arguments."""


class Notes:
    """A listener that keeps notes, and in which order jobs began and ended."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.order: list[str] = []

    def started(self, job: Job) -> None:
        self.order.append(f"{job.name} begins")

    def event(self, job: Job, event: Event) -> None:
        if isinstance(event, Note):
            self.texts.append(event.text)
        if isinstance(event, Ended | Failed):
            self.order.append(f"{job.name} {event.type}")


def tell_environment(report: Reporter, asked: Nothing) -> None:
    """A job: its environment as a note."""
    report.note(json.dumps(dict(os.environ)))


def _environment(folder: Path, *, exclusive: bool = False, timed: bool = False) -> dict[str, str]:
    notes = Notes()
    job = Job.calling(
        tell_environment,
        Nothing(),
        name="tell",
        title="tell",
        memory=0,
        exclusive=exclusive,
        timed=timed,
    )
    outcome = LocalRunner(folder, cores=2).run([job], notes)
    assert not outcome.failed
    found: dict[str, str] = json.loads(notes.texts[0])
    return found


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*ALLOCATOR, "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("load", "spins"), [(0.05, True), (0.5, False)])
def test_threads_of_a_job_that_has_the_machine_wait_awake_unless_others_use_it(
    load: float, spins: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "busy_share", lambda: load)
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


class Child(Schema):
    """How a child is detached."""

    own_session: bool
    daemon: bool


def fork_a_child(report: Reporter, asked: Child) -> None:
    """A job that leaves a child behind, which holds the job's pipes open."""
    reading, writing = os.pipe()
    if not os.fork():
        if asked.own_session:
            os.setsid()
        if asked.daemon and os.fork():
            os._exit(0)
        os.write(writing, f"{os.getpid()}\n".encode())
        time.sleep(60)
        os._exit(0)
    report.note(os.read(reading, 100).decode())


def read_stdin(report: Reporter, asked: Nothing) -> None:
    """A job that reads what it is not given."""
    report.note(repr((sys.stdin.read(), os.read(0, 1))))


class Odd(BaseException):
    """No Exception."""


def raise_odd(report: Reporter, asked: Nothing) -> None:
    """A job that ends badly, and whose child does too."""
    os.fork()
    raise Odd("this way")


def fill_disk(report: Reporter, asked: Nothing) -> None:
    """A job whose tensors do not fit."""
    raise SafetensorError("Error while serializing: I/O error: No space left (os error 28)")


def _run(folder: Path, function: Work[Asked], asked: Asked) -> tuple[Outcome, list[str]]:
    notes = Notes()
    job = Job.calling(function, asked, name="job", title="", memory=0)
    return LocalRunner(folder, cores=2).run([job], notes), notes.texts


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
    outcome, notes = _run(tmp_path, fork_a_child, Child(own_session=own_session, daemon=daemon))
    assert not outcome.failed and time.monotonic() - start < 40
    assert _ends(int(notes[0]))


def test_stdin_is_empty(tmp_path: Path) -> None:
    outcome, notes = _run(tmp_path, read_stdin, Nothing())
    assert not outcome.failed
    assert notes == ["('', b'')"]


def test_any_exception_is_told_once(tmp_path: Path) -> None:
    outcome, _ = _run(tmp_path, raise_odd, Nothing())
    assert outcome.failed["job"] == Failed(cause="crash", message="Odd: this way")


def test_a_full_disk_is_one_whoever_finds_it(tmp_path: Path) -> None:
    outcome, _ = _run(tmp_path, fill_disk, Nothing())
    assert outcome.failed["job"].cause == "disk"


def say_much(report: Reporter, asked: Nothing) -> None:
    """A job that says more than a pipe holds, last of all something that matters."""
    for number in range(2000):
        report.note(f"{number} {'x' * 100}")


def test_the_end_is_heard_once_and_after_everything_else(tmp_path: Path) -> None:
    notes = Notes()
    job = Job.calling(say_much, Nothing(), name="job", title="", memory=0)
    outcome = LocalRunner(tmp_path, cores=2).run([job], notes)
    assert len(notes.texts) == 2000 and notes.texts[-1].startswith("1999 ")
    assert notes.order == ["job begins", "job ended"] and "job" in outcome.ended


class Upset(Notes):
    """A listener that cannot keep what it is told."""

    def event(self, job: Job, event: Event) -> None:
        assert isinstance(event, Note)
        self.texts.append(event.text)
        raise OSError("no room")


def sleep_long(report: Reporter, asked: Nothing) -> None:
    """A job that says something and goes on."""
    report.note(str(os.getpid()))
    time.sleep(60)


def test_no_worker_is_left_when_the_listener_raises(tmp_path: Path) -> None:
    upset = Upset()
    jobs = [
        Job.calling(sleep_long, Nothing(), name=name, title="", memory=0) for name in ("a", "b")
    ]
    with pytest.raises(OSError, match="no room"):
        LocalRunner(tmp_path, cores=2).run(jobs, upset)
    assert _ends(int(upset.texts[0]))


def _job(name: str, memory: int = 1, *, exclusive: bool = False, device: str = "") -> Job:
    return Job(
        name=name,
        title=name,
        function="",
        arguments={},
        memory=memory,
        exclusive=exclusive,
        device=device,
    )


@pytest.mark.parametrize(
    ("waiting", "running", "chosen"),
    [
        ([_job("a"), _job("b"), _job("c")], [], ["a", "b"]),
        ([_job("a", 9), _job("b", 9), _job("c", 1)], [], ["a", "c"]),
        ([_job("a", 99)], [], ["a"]),  # one always runs
        ([_job("a", 99)], [_job("r")], []),
        ([_job("a"), _job("b", exclusive=True), _job("c")], [], ["a", "c"]),
        ([_job("a")], [_job("r", exclusive=True)], []),
        ([_job("a", device="x"), _job("b", device="x"), _job("c"), _job("d")], [], ["a", "c", "d"]),
    ],
)
def test_what_may_run_beside_what(
    waiting: list[Job], running: list[Job], chosen: list[str]
) -> None:
    assert [job.name for job in startable(waiting, running, 10)] == chosen
