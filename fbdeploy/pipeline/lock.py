"""One writer an output folder."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import InputError
from zoo.files import PARTIAL

FILE_NAME = ".lock"
OWNER = re.compile(rb"\d{0,20}")
"""What the file holds: the process that writes in the folder, or nothing."""


@contextmanager
def locked(folder: Path, another: str = "another --output") -> Iterator[None]:
    """Make ``folder`` and hold it for this process alone; leftovers of a killed run are removed.

    ``another`` is what the user can choose instead. The lock is the kernel's (flock), so it ends
    with the process however that ends.

    Raises:
        InputError: the folder cannot be made or written, or another process holds it.
    """
    path = folder / FILE_NAME
    advice = f"choose {another} or free it"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = os.fdopen(_open_regular(path), "a+", encoding="ascii")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{folder}: cannot be written ({reason}); {advice}") from error
    with stream:
        if not OWNER.fullmatch(os.pread(stream.fileno(), 64, 0)):
            raise InputError(f"{path}: is no lock of fbdeploy; {advice}")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            owner = stream.read().strip() or "unknown"
            raise InputError(
                f"{folder}: another fbdeploy (process {owner}) is writing there; "
                f"wait for it or choose {another}"
            ) from None
        try:
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
        except OSError as error:
            raise InputError(f"{folder}: cannot be written ({error.strerror}); {advice}") from error
        try:
            remove_partial(folder)
            yield
        finally:
            remove_partial(folder)


def remove_partial(folder: Path) -> None:
    """Remove what killed writers left behind. Only for whoever holds the lock."""
    for path in folder.rglob(".*-partial-*"):
        if not PARTIAL.match(path.name):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _open_regular(path: Path) -> int:
    """Open a regular file that is no link; a pipe in its place must not be waited for.

    Raises:
        OSError: it is something else.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"{FILE_NAME} is no regular file", str(path))
    return descriptor
