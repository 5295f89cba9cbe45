"""Where a name leads through its links, and whether a file or a folder may stand there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from zoo.errors import InputError, reason_of

MOST_LINKS = 40
"""As many links as Linux follows (path_resolution(7))."""


def file_place(target: Path) -> Path:
    """The absolute place that is written for the file ``target``, which may be a link.

    Raises:
        InputError: it is a folder or no regular file, or must not be written.
    """
    place = followed(target)
    mode = file_mode(place, target)
    if mode is None or stat.S_ISREG(mode):
        if mode is not None and not os.access(place, os.W_OK, effective_ids=True):
            raise unwritable(target, os.strerror(errno.EACCES))
        return place
    if stat.S_ISDIR(mode):
        raise InputError(f"{target}: is a folder; name a file")
    raise InputError(f"{target}: is a device, pipe or socket; name a file")


def folder_place(target: Path, marks: tuple[str, ...]) -> Path:
    """The absolute place of the folder ``target``, which may be a link; it is new, empty or holds
    one of the names ``marks``.

    Raises:
        InputError: it is a file, somebody else's folder or the current one, or cannot be read.
    """
    place = followed(target)
    mode = file_mode(place, target)
    if mode is None:
        return place
    if not stat.S_ISDIR(mode):
        raise InputError(f"{target}: is a file; name a folder")
    if _current_folder().is_relative_to(place):
        raise InputError(f"{target}: is the current folder or above it; name another")
    try:
        held = [child.name for child in place.iterdir()]
    except OSError as error:
        raise InputError(
            f"{target}: cannot be read ({error.strerror}); name another folder"
        ) from error
    if held and not set(held) & set(marks):
        raise InputError(f"{target}: holds other files; name a folder that is new or empty")
    return place


def followed(target: Path) -> Path:
    """The absolute place that is written for ``target``, which may be a link to nothing yet.

    Raises:
        InputError: its links lead in a circle or to a stream, or cannot be followed.
    """
    path = target
    try:
        for _ in range(MOST_LINKS):
            if path.name in ("", ".."):
                return Path(os.path.realpath(path))
            path = Path(os.path.realpath(path.parent)) / path.name
            if not path.is_symlink():
                return path
            if path.is_relative_to("/proc"):  # one of the process's own descriptors
                raise InputError(f"{target}: is a stream; name a file")
            path = path.parent / path.readlink()
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise unwritable(target, reason_of(error)) from error
    raise InputError(f"{target}: is a link that leads to itself; name a file")


def file_mode(path: Path, named: Path) -> int | None:
    """The mode (stat(2), ``st_mode``) of what is at ``path``, None if nothing.

    Raises:
        InputError: that cannot be told; the line says ``named``.
    """
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{named}: cannot be read ({reason_of(error)}); check the path") from error


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # somebody removed it
        return Path("/nowhere")


def unwritable(target: Path, reason: str) -> InputError:
    """The error of an output that cannot be written."""
    return InputError(f"{target}: cannot be written ({reason}); choose another output or free it")
