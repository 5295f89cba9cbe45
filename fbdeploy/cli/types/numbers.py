"""Numbers: ASCII digits, finite, within bounds that leave room for every honest use."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from fbdeploy.cli.types.reading import option, refuse
from runtime_bench.measurement import HOTTEST, MOST_CORES, MOST_THREADS
from zoo.input_spec import MOST_CLASSES

MOST_IMAGES = 10**9
MOST_THREADS_HERE = max(64, os.cpu_count() or 1)
"""Runtimes start as many; thousands on a few cores come to no end."""


class Numbers(tuple[int, ...]):
    """Several whole numbers; a class of its own, since typer takes a tuple for several values."""


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


def whole_list(smallest: int, largest: int) -> Callable[[str | Numbers], Numbers]:
    """Whole numbers with commas, each in ``smallest..largest``, without repeats."""

    @option
    def numbers(given: str) -> Numbers:
        parts = [part.strip() for part in given.split(",")]
        return Numbers(dict.fromkeys(_whole(part, given, smallest, largest) for part in parts))

    return numbers


@option
def image_text(given: str) -> str:
    """A positive number of images, or ``all``; as it was given."""
    if given == "all":
        return given
    if not _WHOLE.fullmatch(given) or not 1 <= int(given) <= MOST_IMAGES:
        refuse(given, f"is no number of images; give 1 to {MOST_IMAGES}, or all")
    return given


@option
def image_count(given: str) -> int | None:
    """A positive number of images; None for ``all``."""
    return None if image_text(given) == "all" else int(given)


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


ONE_THREAD = Numbers((1,))

threads = whole(1, MOST_THREADS_HERE)
thread_list = whole_list(1, MOST_THREADS)
core_list = whole_list(0, MOST_CORES)
classes = whole(1, MOST_CLASSES)
temperature = real(0.0, HOTTEST)
points = real(0.0, 100.0)
seconds = real(0.0, 1e7)
percent = real(0.0, 1e6)
