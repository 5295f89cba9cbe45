"""Runs the user's code so that nothing it does to its process reaches ours.

It reads an empty stdin, prints to stderr, may raise anything, and has a time limit. A child that it
forks and lets go on ends where it would return into our code.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TypeVar

from zoo.errors import InputError, reason_of, shown

SECONDS_VARIABLE = "FBDEPLOY_USER_SECONDS"
DEFAULT_SECONDS = 60.0
"""For one import, one call or one run on an image: much longer than any takes that reads its
weights from a disk."""

Result = TypeVar("Result")


class UserCodeError(InputError):
    """What the user's code did wrong; ``where`` is the line of his file, "" if none had a part."""

    def __init__(self, name: str, path: Path, error: BaseException) -> None:
        self.where = _line_in(path, error)
        at = f" at {self.where}" if self.where else ""
        if isinstance(error, _TimeIsUp):
            text = f"{name}: did not end in {error.seconds:g} s{at}; set {SECONDS_VARIABLE}"
            super().__init__(f"{text} if it needs longer")
        else:
            reason = reason_of(error)
            kind = type(error).__name__
            told = kind if reason == kind else f"{kind}: {shown(reason, 120)}"
            super().__init__(f"{name}: failed{at}: {told}")


class _TimeIsUp(BaseException):
    """Not an Exception, so that code which catches those ends too."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:g} s are over")
        self.seconds = seconds


def run_user_code(name: str, path: Path, action: Callable[[], Result]) -> Result:
    """Call ``action``, which runs code of the user's file ``path``.

    Args:
        name: the network's, named in errors.
        path: the file whose lines errors name.
        action: what to run.

    Raises:
        UserCodeError: it raised anything, SystemExit and KeyboardInterrupt included, or took longer
            than the limit (kept in the main thread only).
        KeyboardInterrupt: the user pressed Ctrl-C meanwhile.
    """
    process, pressed = os.getpid(), threading.Event()
    try:
        with _time_limit(), _noticing_interrupts(pressed), _own_streams():
            return action()
    except InputError:
        raise
    except BaseException as error:
        if os.getpid() != process or (isinstance(error, KeyboardInterrupt) and pressed.is_set()):
            raise
        raise UserCodeError(name, path, error) from error
    finally:
        if os.getpid() != process:
            os._exit(0)


@contextlib.contextmanager
def _own_streams() -> Iterator[None]:
    stdin = sys.stdin
    with open(os.devnull, encoding="utf-8") as nothing, contextlib.redirect_stdout(sys.stderr):  # noqa: PTH123
        sys.stdin = nothing
        try:
            yield
        finally:
            sys.stdin = stdin


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals
        return
    seconds = _seconds()

    def end(_: int, __: FrameType | None) -> None:
        raise _TimeIsUp(seconds)

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again, where it was caught
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _noticing_interrupts(pressed: threading.Event) -> Iterator[None]:
    """Tell Ctrl-C from a KeyboardInterrupt that the code raises itself."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    handler = before

    def notice(number: int, frame: FrameType | None) -> None:
        pressed.set()
        handler(number, frame)

    signal.signal(signal.SIGINT, notice)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _seconds() -> float:
    given = os.environ.get(SECONDS_VARIABLE)
    if given is None:
        return DEFAULT_SECONDS
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 1e6:
        raise InputError(f"{SECONDS_VARIABLE}={shown(given)}: is no number of seconds, 1 to 1e6")
    return seconds


def _line_in(path: Path, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.lineno:
        same = error.filename is None or Path(error.filename).name == path.name
        return f"line {error.lineno}" if same else f"({error.filename} line {error.lineno})"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve() == path.resolve()
    ]
    return f"line {lines[-1]}" if lines else ""
