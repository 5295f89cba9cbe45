"""Runs jobs in worker processes: where memory allows two at a time, and one a device elsewhere."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from fbdeploy.pipeline.workers.jobs import EVENT, Ended, Event, Failed, Job
from runtime_bench.machine.python_process import module_command, with_our_packages

MEMORY_LIMIT = 3_700_000_000
"""Resident bytes of all workers together: 4 GB (issue 2) less the front door's own process."""
MOST_AT_ONCE = 2
GRACE_SECONDS = 3.0
ALLOCATOR = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(4 << 30),
}
"""glibc's malloc (mallopt(3)) for workers that compute and are not timed: huge pages, and memory
that was freed stays in the process. Quantizing fbnetv3_b spends 12 of 122 s in the kernel with it,
24 of 141 s without. 32 MB is the most that glibc takes as a threshold."""
SPINS = 10_000
"""Turns that a thread of libgomp waits awake for the others where a job has the machine to itself.
A range search takes 10 s with it, 15 s by the default (300,000), 25 s asleep at once; beside a busy
loop on one of two cores 32, 39 and 18 s."""
IDLE_SHARE = 0.3
"""A job has the machine to itself if less of the processors' time is used: one busy loop on two
cores is half."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class _Running:
    job: Job
    process: subprocess.Popen[bytes]
    last: Event | None = None


@dataclass
class Outcome:
    """How the jobs ended, by name; those that a vital job took with it are in neither."""

    ended: dict[str, Ended] = field(default_factory=dict)
    failed: dict[str, Failed] = field(default_factory=dict)


def busy_share(seconds: float = 0.2) -> float:
    """Share of the processors' time that is used over so long, 0..1.

    The kernel's load average still counts what ended a minute ago, such as an installation.
    """

    def ticks() -> tuple[int, int]:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        counts = [int(field) for field in fields[:8]]  # guests' time is in the first two
        return sum(counts), counts[3] + counts[4]

    try:
        before, waited = ticks()
        time.sleep(seconds)
        after, since = ticks()
    except (OSError, ValueError, IndexError):  # no Linux
        return min(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    return 1 - (since - waited) / max(1, after - before)


def available_memory() -> int:
    """Bytes that programs can get without swapping, as the kernel estimates; MEMORY_LIMIT if it
    does not say."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return MEMORY_LIMIT
    for line in text.splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    return MEMORY_LIMIT


class Scheduler:
    """Runs a set of jobs once.

    ``on_event`` is called in the caller's thread for every event, ``on_start`` when a job begins.
    An exception from either, KeyboardInterrupt included, ends all workers.
    """

    def __init__(
        self,
        logs: Path,
        on_event: Callable[[Job, Event], None],
        on_start: Callable[[Job], None],
        cores: int,
    ) -> None:
        self._logs = logs
        self._on_event, self._on_start = on_event, on_start
        self._cores = cores
        self._events: queue.Queue[tuple[str, Event | None]] = queue.Queue()
        self._running: dict[str, _Running] = {}

    def run(self, jobs: list[Job]) -> Outcome:
        """Run all jobs, in this order as far as memory allows."""
        outcome = Outcome()
        waiting = list(jobs)
        limit = min(MEMORY_LIMIT, available_memory())
        try:
            while waiting or self._running:
                for job in self._startable(waiting, limit):
                    waiting.remove(job)
                    self._start(job)
                name, event = self._events.get()
                running = self._running.get(name)
                if running is None:  # a word that came after the end
                    continue
                if event is not None:
                    running.last = event
                    self._on_event(running.job, event)
                    continue
                self._finish(running, outcome)
                if running.job.vital and running.job.name in outcome.failed:
                    break
        finally:
            self._stop()
        return outcome

    def _startable(self, waiting: list[Job], limit: int) -> list[Job]:
        chosen: list[Job] = []
        active = [running.job for running in self._running.values()]
        for job in waiting:
            busy = active + chosen
            if any(other.exclusive for other in busy):
                break
            alike = sum(other.device == job.device for other in busy)
            if alike >= (1 if job.device else MOST_AT_ONCE):
                continue
            used = sum(other.memory for other in busy)
            # One job always runs, however little memory there is.
            if busy and (job.exclusive or used + job.memory > limit):
                continue
            chosen.append(job)
        return chosen

    def _waiting(self, job: Job) -> dict[str, str]:
        """How OpenMP's threads wait for each other."""
        if job.exclusive and busy_share() < IDLE_SHARE:
            return {"GOMP_SPINCOUNT": str(SPINS)}
        return {"OMP_WAIT_POLICY": "PASSIVE"}

    def _start(self, job: Job) -> None:
        threads = self._cores if job.exclusive else max(1, self._cores // MOST_AT_ONCE)
        environment = dict(os.environ)
        environment.update({name: str(threads) for name in THREAD_VARIABLES})
        if not job.timed:
            environment = ALLOCATOR | environment | self._waiting(job)
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{job.name}.log").open("wb") as log:
            process = subprocess.Popen(
                module_command("fbdeploy.pipeline.workers.worker"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=with_our_packages(environment),
                start_new_session=True,
            )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(job.model_dump_json().encode() + b"\n")
            process.stdin.flush()
        self._running[job.name] = _Running(job, process)
        listener = threading.Thread(target=self._listen, args=(job.name, process), daemon=True)
        listener.start()
        threading.Thread(target=self._wait, args=(job.name, process, listener), daemon=True).start()
        self._on_start(job)

    def _listen(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                event = EVENT.validate_json(line)
            except ValidationError:  # cut off: the process died while it wrote
                continue
            self._events.put((name, event))

    def _wait(
        self, name: str, process: subprocess.Popen[bytes], listener: threading.Thread
    ) -> None:
        """Say when a worker has ended, after its last event, and end what it left behind."""
        _wait_unreaped(process)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # A child in a session of its own may hold the pipe open for as long as it lives.
        listener.join(GRACE_SECONDS)
        self._events.put((name, None))

    def _finish(self, running: _Running, outcome: Outcome) -> None:
        del self._running[running.job.name]
        last = running.last
        if isinstance(last, Ended):
            outcome.ended[running.job.name] = last
            return
        if not isinstance(last, Failed):
            last = Failed(cause="crash", message=_how_it_died(running.process.returncode))
            self._on_event(running.job, last)
        outcome.failed[running.job.name] = last

    def _stop(self) -> None:
        """End every worker with its children."""
        for sign, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
            alive = [r.process for r in self._running.values() if r.process.poll() is None]
            for process in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, sign)
            end = time.monotonic() + seconds
            for process in alive:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, end - time.monotonic()))
        self._running.clear()


def _wait_unreaped(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a process, whose number stays its group's until it is reaped."""
    if not hasattr(os, "waitid"):  # macOS
        process.wait()
        return
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def _how_it_died(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the process was killed, most likely for lack of memory; close other programs"
    if code < 0:
        return f"the process crashed ({signal.Signals(-code).name})"
    return f"the process ended with code {code}"
