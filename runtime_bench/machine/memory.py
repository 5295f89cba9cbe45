"""Resident memory of this process, in bytes, as Linux counts it."""

from __future__ import annotations

import re
from pathlib import Path


def resident_bytes() -> int | None:
    """Resident now; None where there is no /proc."""
    return _status("VmRSS")


def peak_resident_bytes() -> int | None:
    """The most that was resident since this program started; None where there is no /proc.

    Not ``ru_maxrss``: exec hands the parent's peak on to the child (fs/exec.c updates
    signal->maxrss from the old address space), so a small child of a large parent looks large.
    """
    return _status("VmHWM")


def _status(name: str) -> int | None:
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None
