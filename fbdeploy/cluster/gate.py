"""Times are taken while nothing else runs on the host; everything else shares it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.5
"""How often one who waits looks whether he still should."""


class Gate:
    """Lets any number through together, or one alone, who goes before those that come after."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._alone = False
        self._waiting_alone = 0

    @contextmanager
    def passed(self, *, alone: bool, wanted: Callable[[], bool]) -> Iterator[bool]:
        """Be inside; False, and not inside, if ``wanted`` said no while it waited."""
        if not self._enter(alone, wanted):
            yield False
            return
        try:
            yield True
        finally:
            with self._changed:
                self._inside -= 1
                self._alone = False
                self._changed.notify_all()

    def _enter(self, alone: bool, wanted: Callable[[], bool]) -> bool:
        with self._changed:
            self._waiting_alone += alone
            try:
                while self._alone or (self._inside if alone else self._waiting_alone):
                    if not wanted():
                        return False
                    self._changed.wait(LOOK_SECONDS)
                if not wanted():
                    return False
                self._inside += 1
                self._alone = alone
                return True
            finally:
                self._waiting_alone -= alone
                self._changed.notify_all()
