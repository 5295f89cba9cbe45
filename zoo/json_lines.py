"""JSON Lines files that grow (jsonlines.org): read whole, and added to so that no line is lost.

A line ends with a newline and nothing else: U+2028 is a character like any other in JSON. What a
killed writer left at the end, which is no JSON yet, is no line. Whatever is JSON at the end is one,
with or without its newline, since somebody may have written it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from zoo.documents import MEGABYTE, parse_json, read_bytes
from zoo.errors import InputError, reason_of
from zoo.files import exists

LINES_BYTES = 1000 * MEGABYTE


@dataclass(frozen=True)
class JsonLine:
    """A line of a file; ``name`` is the file's and its number."""

    name: str
    text: bytes
    advice: str

    def value(self) -> Any:
        """What it holds.

        Raises:
            InputError: it is no JSON that can be held.
        """
        return parse_json(self.text, self.name, self.advice)


def json_lines(path: Path, advice: str) -> Iterator[JsonLine]:
    """The lines of a file; none where there is no file.

    Args:
        path: the file.
        advice: what to do where it or a line cannot be read, for the error.

    Raises:
        InputError: the file cannot be read.
    """
    if not exists(path):
        return
    *whole, last = read_bytes(path, advice, LINES_BYTES).split(b"\n")
    for number, text in enumerate(whole, start=1):
        yield JsonLine(f"{path}:{number}", text, advice)
    if _is_json(last):
        yield JsonLine(f"{path}:{len(whole) + 1}", last, advice)


def append_json_line(path: Path, value: BaseModel) -> None:
    """Add a line, and make sure that it is on the disk; the folder is made.

    What a killed writer left at the end is removed first, so that it cannot swallow this line.

    Raises:
        InputError: the file cannot be written, or the disk is full.
    """
    line = value.model_dump_json().encode() + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as stream:
            if not _ends_with_newline(stream.fileno()):
                content = path.read_bytes()
                last = content.rfind(b"\n") + 1
                if _is_json(content[last:]):
                    line = b"\n" + line
                else:
                    os.ftruncate(stream.fileno(), last)
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({reason_of(error)}); choose another output or free it"
        ) from error


def _ends_with_newline(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _is_json(text: bytes) -> bool:
    if not text:
        return False
    try:
        parse_json(text, "", "")
    except InputError:
        return False
    return True
