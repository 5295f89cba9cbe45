"""Stdout is for the result alone; everything else goes to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def only_result_on_stdout() -> Iterator[Callable[[str], None]]:
    """Send whatever libraries print to stderr, and yield what prints on the real stdout.

    Native libraries write to the descriptor, so that is what changes hands.
    """
    sys.stdout.flush()
    real = os.dup(1)
    os.dup2(2, 1)
    written: list[str] = []
    try:
        yield written.append
    finally:
        sys.stdout.flush()
        os.dup2(real, 1)
        os.close(real)
        for text in written:
            print(text)
