"""Writing files so that a name either holds a whole artefact or nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo.errors import InputError


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary sibling of ``target`` to write a file or folder to.

    It takes the target's name when the block ends well and is removed when it does not. The
    suffix is kept, since some writers choose the format by it.

    Raises:
        InputError: the folder cannot be made or written, or the disk is full.
    """
    temporary = target.with_name(f".{os.getpid()}-partial-{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        os.replace(temporary, target)
    except OSError as error:
        if error.filename is None or str(temporary.parent) in str(error.filename):
            reason = error.strerror or str(error)
            raise InputError(
                f"{target}: cannot be written ({reason}); choose another output folder or free it"
            ) from error
        raise
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            # Where a file stands in the folder's place there is nothing to remove.
            with suppress(FileNotFoundError, NotADirectoryError):
                temporary.unlink()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, or of a folder's sorted relative file names and contents."""
    digest = hashlib.sha256()
    if path.is_dir():
        for child in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(child.relative_to(path).as_posix().encode())
            digest.update(sha256_of(child).encode())
        return digest.hexdigest()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    if path.is_dir():
        return sum(child.stat().st_size for child in path.rglob("*") if child.is_file())
    return path.stat().st_size
