"""What all kinds of options have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import NoReturn, TypeVar

from zoo.errors import InputError, one_line

Value = TypeVar("Value")

SHOWN = 100
"""Characters of a refused text that are shown."""
LONGEST = 4096
"""Bytes of a text: PATH_MAX of Linux, more than any option needs."""


def option(read: Callable[[str], Value]) -> Callable[[str | Value], Value]:
    """A kind of option: ``read`` for texts, which are not empty, and UTF-8 without NUL.

    Raises:
        InputError: the text is none of these, or what ``read`` refuses.
    """

    @wraps(read)
    def checked(given: str | Value) -> Value:
        if not isinstance(given, str):
            return given
        if not given.strip():
            raise InputError("is empty; give a value or leave the option out")
        if "\0" in given:
            refuse(given, "holds a NUL character; leave it out")
        try:
            encoded = given.encode()
        except UnicodeEncodeError:
            refuse(given, "is not UTF-8; rename it")
        if len(encoded) > LONGEST:
            refuse(given, f"is longer than {LONGEST} bytes; shorten it")
        return read(given)

    return checked


def refuse(text: str, reason: str) -> NoReturn:
    """Raise the error of a text that is not of its kind; ``reason`` also says what to do."""
    raise InputError(f"{one_line(text, SHOWN)}: {reason}")


@option
def text(given: str) -> str:
    """Any text."""
    return given
