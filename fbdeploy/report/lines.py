"""How wide a terminal is, and text that breaks between words there."""

from __future__ import annotations

import os
import textwrap
from typing import TextIO

NARROWEST = 40
"""Columns: a narrower terminal gets lines of this many."""


class Width:
    """That of the results; None where nothing wraps, as in a file or a pipe."""

    columns: int | None = None


def width_of(stream: TextIO) -> int | None:
    """Columns of the terminal that a stream is, None if it is none; the environment variable
    ``COLUMNS`` says it for any stream."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return max(NARROWEST, int(told))
    try:
        columns = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        return None
    return max(NARROWEST, columns) if columns else None


def wrapped(text: str, width: int | None) -> str:
    """Lines of at most ``width`` characters, broken between words; a longer word stays whole. What
    goes on is two columns further in."""
    if width is None:
        return text
    lines: list[str] = []
    for line in text.splitlines():
        if len(line) <= width:
            lines.append(line)
            continue
        indent = line[: len(line) - len(line.lstrip())]
        lines += textwrap.wrap(
            line,
            width,
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)
