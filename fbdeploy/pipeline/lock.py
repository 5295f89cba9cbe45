"""One writer an output folder."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import InputError

FILE_NAME = ".lock"
PARTIAL = ".*-partial-*"
"""How ``zoo.files.atomic_path`` names what is not finished."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make ``folder`` and hold it for this process alone; leftovers of a killed run are removed.

    The lock is the kernel's (flock), so it ends with the process however that ends.

    Raises:
        InputError: the folder cannot be made or written, or another process holds it.
    """
    path = folder / FILE_NAME
    advice = "choose another --output or free it"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = path.open("a+", encoding="ascii")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); {advice}") from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            owner = stream.read().strip() or "unknown"
            raise InputError(
                f"{folder}: another fbdeploy (process {owner}) is writing there; "
                "wait for it or choose another --output"
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
    for path in folder.rglob(PARTIAL):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
