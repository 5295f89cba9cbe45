"""What a process has started, directly or not, however it was detached."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_GONE_SECONDS = 2.0


def adopt_orphans() -> None:
    """From now on what loses its parent below this process becomes its child, as prctl(2) says.

    Only on Linux; elsewhere a daemon stays out of reach.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_children() -> None:
    """Kill the children of this process, and theirs, which it adopts as they lose their parent."""
    end = time.monotonic() + _GONE_SECONDS
    while (children := children_of(os.getpid())) and time.monotonic() < end:
        for child in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def children_of(process: int) -> list[int]:
    """The processes whose parent is ``process``, those that wait to be reaped too; none where there
    is no Linux."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            # Behind the name, which may hold anything: state, then parent (proc_pid_stat(5)).
            if int(status.read_text().rpartition(")")[2].split()[1]) == process:
                found.append(int(status.parent.name))
    return found
