"""``python -P -m fbdeploy.pipeline.workers.worker``: one job from stdin, answered in JSON lines.

Formats' packages are heavy, do not all like each other, and some end the whole process, so each job
has a process. The job comes through stdin, which stays open: when it closes, the parent is gone and
the worker ends too. Stdout belongs to the events. Whatever else reads stdin finds it empty, and
whatever else writes to stdout is sent to stderr, which the parent logs.
"""

from __future__ import annotations

import importlib
import inspect
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import BinaryIO

from pydantic import BaseModel

from fbdeploy.pipeline.workers.descendants import adopt_orphans, end_children
from fbdeploy.pipeline.workers.errors import failure_of
from fbdeploy.pipeline.workers.jobs import Ended, Job, Note, Progress, Reporter, Result
from runtime_bench.machine.memory import peak_resident_bytes
from zoo.documents import Schema


class LineReporter:
    """A ``Reporter`` that sends messages; progress of less than a percent is not sent."""

    def __init__(self, send: Callable[[Schema], None]) -> None:
        self._send = send
        self._last = ("", -1.0)

    def progress(self, step: str, done: float) -> None:
        """``done`` of ``step``, in 0..1."""
        last_step, last_done = self._last
        if step != last_step or done >= 1 or done - last_done >= 0.01:
            self._last = (step, done)
            self._send(Progress(step=step, done=min(1.0, done)))

    def note(self, text: str) -> None:
        """Tell the user one line."""
        self._send(Note(text=text))

    def result(self, value: BaseModel) -> None:
        """Hand over something finished."""
        self._send(Result.of(value))


def call(job: Job, report: Reporter) -> None:
    """Call the job's function in this process."""
    module, _, name = job.function.partition(":")
    function = getattr(importlib.import_module(module), name)
    _, asked = inspect.signature(function, eval_str=True).parameters.values()
    function(report, asked.annotation.model_validate(job.arguments))


def _end_with_parent(stdin: BinaryIO) -> None:
    stdin.read()
    if os.getpgrp() == os.getpid():  # with what the job has forked
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main() -> int:
    """Run the job on stdin; 0 if it ended well."""
    events, stdin = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    process = os.getpid()
    adopt_orphans()
    lock = threading.Lock()

    def send(message: Schema) -> None:
        with lock:
            events.write(message.model_dump_json().encode() + b"\n")
            events.flush()

    job = Job.model_validate_json(stdin.readline())
    threading.Thread(target=_end_with_parent, args=(stdin,), daemon=True).start()
    status = 0
    try:
        call(job, LineReporter(send))
        send(Ended(peak_bytes=peak_resident_bytes()))
    except BaseException as error:  # a job may run code that raises anything
        if os.getpid() != process:  # a child that it forked has nothing to say
            os._exit(1)
        traceback.print_exc()
        send(failure_of(error))
        status = 1
    sys.stderr.flush()
    end_children()
    # Some runtimes crash while Python shuts down; everything is written by now.
    os._exit(status)


if __name__ == "__main__":
    main()
