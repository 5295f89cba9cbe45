"""Take the right to change files from this process, by Linux's Landlock.

https://docs.kernel.org/userspace-api/landlock.html has the calls, the rights and the version of the
interface that brought each. Neither the C library nor Python wraps them.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# The numbers of the calls are the same on all architectures but alpha.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GET_VERSION = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_CHANGES = {
    # Rights by the version of the interface that knows them: write, remove and make of every kind;
    # link and rename elsewhere; truncate; control of devices.
    1: sum(1 << bit for bit in (1, *range(4, 13))),
    2: 1 << 13,
    3: _TRUNCATE,
    5: 1 << 15,
}
_TCP_VERSION, _TCP_BIND_AND_CONNECT = 4, 0b11
_SCOPE_VERSION, _ABSTRACT_SOCKETS_AND_SIGNALS = 6, 0b11
_HARMLESS = (Path("/dev/null"),)


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def landlock_version() -> int:
    """The version of the kernel's interface; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, _syscall(_CREATE_RULESET, None, 0, _GET_VERSION))


def forbid_changes(allowed: Sequence[Path]) -> bool:
    """From now on this thread and what it starts change no files but those below ``allowed``.

    They open no TCP connections either and signal no process outside, as far as the kernel's
    version knows these. Threads that run already are not bound: call it first of all.

    Args:
        allowed: folders, which must exist.

    Returns:
        False where the kernel has no Landlock or does not let this process use it; nothing has
        changed then.
    """
    version = landlock_version()
    if version == 0:
        return False
    changes = sum(rights for since, rights in _CHANGES.items() if since <= version)
    ruleset = _Ruleset(
        handled_access_fs=changes,
        handled_access_net=_TCP_BIND_AND_CONNECT if version >= _TCP_VERSION else 0,
        scoped=_ABSTRACT_SOCKETS_AND_SIGNALS if version >= _SCOPE_VERSION else 0,
    )
    descriptor = _syscall(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
    if descriptor < 0:
        return False
    try:
        rights = [(folder, changes) for folder in allowed]
        rights += [(file, changes & (_WRITE_FILE | _TRUNCATE)) for file in _HARMLESS]
        if not all(_allow(descriptor, path, access) for path, access in rights):
            return False
        if ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            return False
        return _syscall(_RESTRICT_SELF, descriptor, 0) == 0
    finally:
        os.close(descriptor)


def _allow(ruleset: int, path: Path, access: int) -> bool:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(allowed_access=access, parent_fd=parent)
        return _syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0) == 0
    finally:
        os.close(parent)


def _syscall(number: int, *arguments: object) -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(number, *arguments))
