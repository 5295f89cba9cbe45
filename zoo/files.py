"""Writing files so that a name holds a whole artefact or what it held before.

A file takes the place of a file, a folder that of a folder of the same making; a folder, a device,
a pipe or a socket where a file belongs is refused. Links are written through.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo.errors import InputError, reason_of, shown
from zoo.places import file_mode, file_place, folder_place, followed, unwritable

PARTIAL = re.compile(r"\.\d+-partial-")
"""How what is not finished is named; the number is that of the writing process."""
LONGEST_NAME = 255
"""Bytes of a file's name on Linux's and Apple's file systems (NAME_MAX)."""
PROBE_BYTES = 4096
"""What a trial write asks for: a full disk still makes empty files."""
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG}
"""What a write says without the name of its file."""


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Yield a temporary sibling of ``target`` to write a file to.

    It takes the target's name when the block ends well and is removed when it does not. The
    suffix is kept, since some writers choose the format by it. Where ``target`` is a link, what it
    names is written; a replaced file's permissions are kept.

    Raises:
        InputError: the target is a folder or no regular file, its folder cannot be made or written,
            or the disk is full.
    """
    place = file_place(target)
    with _replacing(target, place) as temporary:
        yield temporary
        with suppress(OSError):  # there is none, or the file system has no permissions
            temporary.chmod(stat.S_IMODE(place.stat().st_mode))
        os.replace(temporary, place)


@contextmanager
def atomic_folder(target: Path, marks: tuple[str, ...]) -> Iterator[Path]:
    """Yield a name beside ``target`` to make a folder at, which then takes the target's name.

    Args:
        target: the folder; where it is a link, what it names is replaced.
        marks: names that tell a folder of this kind; one that holds none of them and is not empty
            is somebody else's and is left alone.

    Raises:
        InputError: the target is a file, somebody else's folder or the current one, its parent
            cannot be made or written, or the disk is full.
    """
    place = folder_place(target, marks)
    with _replacing(target, place) as temporary:
        yield temporary
        if not place.exists():
            os.replace(temporary, place)
            return
        old = place.with_name(_partial_name(f"old-{place.name}"))
        os.replace(place, old)
        try:
            os.replace(temporary, place)
        except OSError:
            os.replace(old, place)
            raise
        shutil.rmtree(old, ignore_errors=True)


def try_file(target: Path) -> None:
    """Refuse, before any work is done, a name that ``atomic_file`` could not write; leaves nothing.

    Raises:
        InputError: as ``atomic_file`` does.
    """
    place = file_place(target)
    _try_name(target, place.parent, place.name)


def try_append(target: Path) -> None:
    """``try_file`` for a file that is added to: where there is one, its folder is left alone.

    Raises:
        InputError: as ``atomic_file`` does.
    """
    place = file_place(target)
    if not place.exists():
        _try_name(target, place.parent, place.name)


def try_folder(target: Path) -> None:
    """Refuse, before any work is done, a folder in which no file could be made; leaves nothing.

    Raises:
        InputError: it is a file, or cannot be made or written, or the disk is full.
    """
    place = followed(target)
    if exists(place) and not place.is_dir():
        raise InputError(f"{target}: is a file; name a folder")
    _try_name(target, place, "trial")


def exists(path: Path) -> bool:
    """Whether there is anything at ``path``; a dangling link is nothing.

    Raises:
        InputError: that cannot be told: the name is too long or impossible, or a folder above it
            cannot be entered.
    """
    return file_mode(path, path) is not None


def is_file(path: Path) -> bool:
    """Whether ``path`` is a regular file, or a link to one; raises as ``exists`` does."""
    kind = file_mode(path, path)
    return kind is not None and stat.S_ISREG(kind)


def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder, or a link to one; raises as ``exists`` does."""
    kind = file_mode(path, path)
    return kind is not None and stat.S_ISDIR(kind)


def inner_name(name: str) -> str:
    """``name``, if it is a relative path that does not leave the folder it is relative to.

    Raises:
        InputError: it is empty, absolute, or goes up.
    """
    parts = Path(name).parts
    if not parts or ".." in parts or Path(name).is_absolute() or "\\" in name or "\0" in name:
        raise InputError(f"{shown(name) or 'an empty name'} leaves the folder")
    return name


def inside(folder: Path, name: str) -> Path:
    """The place in ``folder`` that ``name``, which was read from a file, tells.

    Raises:
        InputError: as ``inner_name`` does, it is too long, or it goes through a link.
    """
    path = folder
    for part in Path(inner_name(name)).parts:
        path = path / part
        try:
            link = path.is_symlink()
        except OSError as error:
            raise InputError(
                f"{shown(path)}: cannot be read ({reason_of(error)}); check the name"
            ) from error
        if link:
            raise InputError(f"{path}: is a link; {folder} may hold files and folders alone")
    return path


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


@contextmanager
def _replacing(target: Path, place: Path) -> Iterator[Path]:
    """A name beside ``place`` that is gone afterwards; errors of writing it name ``target``."""
    temporary = place.with_name(_partial_name(place.name))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove(temporary)
    except OSError as error:
        raise unwritable(target, reason_of(error)) from error
    try:
        yield temporary
    except OSError as error:
        named = None if error.filename is None else str(error.filename)
        written = named is not None and (str(temporary) in named or named == str(place))
        if written or (named is None and error.errno in DISK_ERRORS):
            raise unwritable(target, reason_of(error)) from error
        raise
    finally:
        with suppress(OSError):  # what the block could not write cannot be removed either
            _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _partial_name(name: str) -> str:
    whole = f".{os.getpid()}-partial-{name}"
    if len(os.fsencode(whole)) <= LONGEST_NAME or len(os.fsencode(name)) > LONGEST_NAME:
        return whole
    short = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return f".{os.getpid()}-partial-{short}{Path(name).suffix[-16:]}"


def _try_name(target: Path, folder: Path, name: str) -> None:
    """Write ``name`` as a partial file into the nearest folder above that there is."""
    try:
        if len(os.fsencode(name)) > LONGEST_NAME:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        for part in folder.parts:
            if len(os.fsencode(part)) > LONGEST_NAME:
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        while not exists(folder):
            folder = folder.parent
        probe = folder / _partial_name(name)
        try:
            probe.write_bytes(b"\0" * PROBE_BYTES)
        finally:
            with suppress(OSError):
                probe.unlink()
    except OSError as error:
        raise unwritable(target, reason_of(error)) from error
