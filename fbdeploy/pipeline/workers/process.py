"""A worker's process: started with one job, heard line by line, ended with what it has started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from fbdeploy.pipeline.workers.jobs import EVENT, Ended, Event, Failed, Job
from runtime_bench.machine.python_process import module_command, with_our_packages

GRACE_SECONDS = 3.0


class WorkerProcess:
    """Starts ``python -m fbdeploy.pipeline.workers.worker`` with ``job`` and listens to it.

    ``hear`` is called in threads of this object's own, one call at a time: with every event in
    order, and last with ``Ended`` or ``Failed``, once, when the process is gone with all it has
    started. It should only pass on what it is given, such as to a queue.

    The process leads a session of its own, so that its group can be ended. It ends by itself when
    the process that started it does, since its standard input closes then.

    Args:
        job: what it runs.
        log: the file that gets what it prints; its folder is made.
        environment: its variables; our packages are put first on its PYTHONPATH.
        hear: takes its events.

    Raises:
        OSError: the log cannot be written, or no process can be started.
    """

    def __init__(
        self,
        job: Job,
        log: Path,
        environment: Mapping[str, str],
        hear: Callable[[Event], None],
    ) -> None:
        self.job = job
        self._hear = hear
        self._lock = threading.Lock()
        self._ending: Ended | Failed | None = None
        self._is_over = False
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                module_command("fbdeploy.pipeline.workers.worker"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                env=with_our_packages(environment),
                start_new_session=True,
            )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(job.model_dump_json().encode() + b"\n")
            self._process.stdin.flush()
        listener = threading.Thread(target=self._listen, daemon=True)
        listener.start()
        threading.Thread(target=self._wait, args=(listener,), daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether the process itself still runs."""
        return self._process.poll() is None

    def send(self, sign: signal.Signals) -> None:
        """Send a signal to the process and its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, sign)

    def wait(self, seconds: float) -> None:
        """Wait for its end, so long at most."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                event = EVENT.validate_json(line)
            except ValidationError:  # cut off: the process died while it wrote
                continue
            with self._lock:
                if isinstance(event, Ended | Failed):
                    self._ending = event
                elif not self._is_over:
                    self._hear(event)

    def _wait(self, listener: threading.Thread) -> None:
        """Tell the end, after the last event, and end what the process left behind."""
        _wait_unreaped(self._process)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        # A child in a session of its own may hold the pipe open for as long as it lives.
        listener.join(GRACE_SECONDS)
        with self._lock:
            self._is_over = True
            self._hear(self._ending or Failed(cause="crash", message=_how_it_died(code)))


def stop_all(workers: Iterable[WorkerProcess]) -> None:
    """End workers with their children: asked first, and killed if that does not help."""
    alive = list(workers)
    for sign in (signal.SIGTERM, signal.SIGKILL):
        alive = [worker for worker in alive if worker.is_alive]
        for worker in alive:
            worker.send(sign)
        end = time.monotonic() + GRACE_SECONDS
        for worker in alive:
            worker.wait(max(0.0, end - time.monotonic()))


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
