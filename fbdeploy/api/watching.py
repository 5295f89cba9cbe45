"""Who is told what happens: nobody, unless the caller says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from fbdeploy.pipeline.workers.jobs import Ended, Event, Failed, Job, Note

Told = Callable[[str], None]
"""Takes one line for the user, such as ``print``."""


class Counter(Protocol):
    """Is told how many things are done."""

    def advance(self, count: int) -> None:
        """``count`` more are done."""


Counting = Callable[[str, int], AbstractContextManager[Counter]]
"""From a title and a total to what counts up to it."""


class _Silent:
    def advance(self, count: int) -> None:
        """Nobody is told."""


@contextmanager
def silent(title: str, total: int) -> Iterator[Counter]:
    """Counts for nobody."""
    yield _Silent()


def nobody(line: str) -> None:
    """Drops a line."""


class Lines:
    """An observer of a deployment (``pipeline.running.Observer``) that passes lines on: notes, and
    each job that ended."""

    def __init__(self, told: Told) -> None:
        self._told = told

    def started(self, job: Job) -> None:
        """A worker begins with ``job``."""

    def event(self, job: Job, event: Event) -> None:
        """A worker says something."""
        if isinstance(event, Note):
            self._told(event.text)
        elif isinstance(event, Ended):
            self._told(f"{job.title}: done")
        elif isinstance(event, Failed) and not job.vital:  # what a vital one says is raised
            self._told(f"{job.title}: {event.message}")

    def note(self, text: str) -> None:
        """One line for the user."""
        self._told(text)
