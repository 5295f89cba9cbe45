"""Stdin, stdout and stderr as they really are: closed, full, or of an encoding that lacks signs."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TextIO

from zoo.errors import InputError, reason_of

PLAIN = {"−": "-", "–": "-", "—": "-", "…": "...", "×": "x", "→": "->", "±": "+-", "µ": "u"}
"""What stands for our signs where an encoding has none of them; a lost minus would be a lie."""
REPLACING = "fbdeploy-plain"


def prepare_streams() -> None:
    """Make the process's streams safe to write to; call it once, before anything is printed.

    A closed descriptor would be taken by the next file that is opened, and what libraries print
    would go into that. What stderr cannot take is lost; what stdout cannot take is an error.

    Raises:
        InputError: stdout is closed.
    """
    closed = [descriptor for descriptor in (0, 1, 2) if not _is_open(descriptor)]
    for descriptor in closed:  # the lowest free descriptor is taken, so each is its own
        opened = os.open(os.devnull, os.O_RDONLY if descriptor == 0 else os.O_WRONLY)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)
    codecs.register_error(REPLACING, _replace)
    sys.stderr = _text(_Lossy(2, "w", closefd=False), sys.stderr)
    sys.stdout = _text(_Telling(1, "w", closefd=False), sys.stdout)
    if 1 in closed:
        raise InputError("stdout: is closed; let it go to a file or to /dev/null")


class _Lossy(io.FileIO):
    """Drops what cannot be written: progress must not end what it tells of."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError:
            return len(data)  # type: ignore[arg-type]


class _Telling(io.FileIO):
    """Raises the one-line error where the result cannot be written."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise InputError(f"stdout: cannot be written ({reason_of(error)}); free it") from error


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _text(raw: io.FileIO, before: TextIO | None) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    lines = raw.isatty() or isinstance(raw, _Lossy)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors=REPLACING, line_buffering=lines
    )


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign, "?") for sign in found), error.end
