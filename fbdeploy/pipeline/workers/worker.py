"""``python -P -m fbdeploy.pipeline.workers.worker``: one job from stdin, answered in JSON lines.

Formats' packages are heavy, do not all like each other, and some end the whole process, so each job
has a process. The job comes through stdin, which stays open: when it closes, the parent is gone and
the worker ends too. Stdout belongs to the events. Whatever else reads stdin finds it empty, and
whatever else writes to stdout is sent to stderr, which the parent logs.
"""

from __future__ import annotations

import errno
import importlib
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import BinaryIO, Literal

from pydantic import BaseModel, JsonValue
from safetensors import SafetensorError

from fbdeploy.pipeline.workers.descendants import adopt_orphans, end_children
from fbdeploy.pipeline.workers.jobs import Ended, Failed, Job, Message, Note, Progress, Result
from runtime_bench.machine.memory import peak_resident_bytes
from zoo.errors import InputError

RUST_OS_ERROR = re.compile(r"\(os error (\d+)\)")
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class Reporter:
    """How a stage says what it is doing and hands over what it has finished."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._last = ("", -1.0)

    def progress(self, step: str, done: float) -> None:
        """``done`` of ``step``, in 0..1; steps smaller than a percent are not sent."""
        last_step, last_done = self._last
        if step != last_step or done >= 1 or done - last_done >= 0.01:
            self._last = (step, done)
            self._send(Progress(step=step, done=min(1.0, done)))

    def note(self, text: str) -> None:
        """Tell the user one line."""
        self._send(Note(text=text))

    def result(self, kind: str, value: BaseModel | dict[str, JsonValue]) -> None:
        """Hand over something finished; it is kept even if the job fails afterwards."""
        document = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        self._send(Result(kind=kind, value=document))


def is_disk_error(error: BaseException) -> bool:
    """Whether the error, or one that it came from, is that the disk is full or read-only."""
    return any(_errno(link) in DISK_ERRORS for link in _chain(error))


def _errno(error: BaseException) -> int | None:
    """The operating system's number of an error; safetensors, in Rust, has it in its text."""
    if isinstance(error, OSError):
        return error.errno
    told = RUST_OS_ERROR.search(str(error)) if isinstance(error, SafetensorError) else None
    return int(told[1]) if told else None


def one_line(error: BaseException) -> str:
    """An InputError's own line; the type and first line of anything else."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[0] if lines else ""
    if isinstance(error, InputError):
        return message
    return f"{type(error).__name__}: {message}".removesuffix(": ")[:500]


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def failure_of(error: BaseException) -> Failed:
    """How an exception is told to the parent: in one line, and whose fault it is."""
    if is_disk_error(error):
        return Failed(cause="disk", message=one_line(error))
    cause: Literal["input", "crash"] = "input" if isinstance(error, InputError) else "crash"
    return Failed(cause=cause, message=one_line(error))


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

    def send(message: Message) -> None:
        with lock:
            events.write(message.model_dump_json().encode() + b"\n")
            events.flush()

    job = Job.model_validate_json(stdin.readline())
    threading.Thread(target=_end_with_parent, args=(stdin,), daemon=True).start()
    module, _, name = job.function.partition(":")
    status = 0
    try:
        getattr(importlib.import_module(module), name)(Reporter(send), **job.arguments)
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
