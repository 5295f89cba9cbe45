"""Numbers: ASCII digits, finite, within bounds that leave room for every honest use."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from fbdeploy.cli.types.reading import option, refuse

MOST_IMAGES = 10**9
MOST_CLASSES = 10**6
MOST_THREADS = 1024
MOST_THREADS_HERE = max(64, os.cpu_count() or 1)
"""Runtimes start as many; thousands on a few cores come to no end."""
MOST_CORES = 4096
HOTTEST = 150.0
"""Degrees Celsius; processors switch themselves off at about 110."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_REAL = re.compile(r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")


def whole(smallest: int, largest: int) -> Callable[[str | int], int]:
    """A whole number in ``smallest..largest``."""

    @option
    def number(given: str) -> int:
        return _whole(given, given, smallest, largest)

    return number


def real(smallest: float, largest: float) -> Callable[[str | float], float]:
    """A decimal number in ``smallest..largest``."""

    @option
    def number(given: str) -> float:
        return as_real(given, given, smallest, largest)

    return number


def whole_list(smallest: int, largest: int) -> Callable[[str | tuple[int, ...]], tuple[int, ...]]:
    """Whole numbers with commas, each in ``smallest..largest``, without repeats."""

    @option
    def numbers(given: str) -> tuple[int, ...]:
        parts = [part.strip() for part in given.split(",")]
        return tuple(dict.fromkeys(_whole(part, given, smallest, largest) for part in parts))

    return numbers


@option
def image_count(given: str) -> int | None:
    """A positive number of images; None for ``all``."""
    if given == "all":
        return None
    if not _WHOLE.fullmatch(given) or not 1 <= int(given) <= MOST_IMAGES:
        refuse(given, f"is no number of images; give 1 to {MOST_IMAGES}, or all")
    return int(given)


def as_real(part: str, whole_text: str, smallest: float, largest: float) -> float:
    """``part`` of an option's text as a number in ``smallest..largest``."""
    if not _REAL.fullmatch(part.strip()):
        refuse(whole_text, f"is no number; give one from {smallest:g} to {largest:g}")
    value = float(part)
    if not smallest <= value <= largest:
        refuse(whole_text, f"is out of range; give {smallest:g} to {largest:g}")
    return value


def _whole(part: str, whole_text: str, smallest: int, largest: int) -> int:
    if not _WHOLE.fullmatch(part):
        refuse(whole_text, f"is no whole number from {smallest} to {largest}; give one")
    value = int(part)
    if not smallest <= value <= largest:
        refuse(whole_text, f"is out of range; give {smallest} to {largest}")
    return value


threads = whole(1, MOST_THREADS_HERE)
thread_list = whole_list(1, MOST_THREADS)
core_list = whole_list(0, MOST_CORES)
classes = whole(1, MOST_CLASSES)
temperature = real(0.0, HOTTEST)
points = real(0.0, 100.0)
percent = real(0.0, 1e6)
