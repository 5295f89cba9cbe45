"""Root may write everywhere, so what a user may not is tested without root's privileges."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# linux/capability.h: _LINUX_CAPABILITY_VERSION_3; CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and
# CAP_FOWNER are the bits 1 to 3.
VERSION = 0x20080522
IGNORES_MODES = 0b1110


@contextmanager
def unprivileged() -> Iterator[Path]:
    """A new folder, in which the modes of files bind this thread even if it is root's.

    It stays root's: another user may not read the checkout (of a CI job, in root's home) that
    the tests still import from. A process started meanwhile has root's privileges again.
    """
    folder = Path(tempfile.mkdtemp(prefix="fbdeploy-test-"))
    root = os.geteuid() == 0
    if root:
        before = _capabilities()
        _set_capabilities((before[0] & ~IGNORES_MODES, *before[1:]))
    try:
        yield folder
    finally:
        if root:
            _set_capabilities(before)
        for path in (folder, *folder.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


_Data = ctypes.c_uint32 * 6
"""Effective, permitted, inheritable of capabilities 0 to 31, then of 32 to 63."""


def _capabilities() -> tuple[int, ...]:
    data = _Data()
    _call("capget", data)
    return tuple(data)


def _set_capabilities(words: tuple[int, ...]) -> None:
    _call("capset", _Data(*words))


def _call(name: str, data: ctypes.Array[ctypes.c_uint32]) -> None:
    header = _Header(VERSION, 0)
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    if function(ctypes.byref(header), data) != 0:
        raise OSError(ctypes.get_errno(), f"{name} failed")
