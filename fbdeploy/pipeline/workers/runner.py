"""Who runs jobs, wherever their workers are: this machine's scheduler, or a cluster's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fbdeploy.pipeline.workers.jobs import Ended, Event, Failed, Job
from runtime_bench.measurement import Device


@dataclass
class Outcome:
    """How the jobs ended, by name; those that a vital job took with it are in neither."""

    ended: dict[str, Ended] = field(default_factory=dict)
    failed: dict[str, Failed] = field(default_factory=dict)


class Listener(Protocol):
    """Who hears of jobs while they run; always called in the thread that called ``Runner.run``."""

    def started(self, job: Job) -> None:
        """A worker begins with ``job``."""

    def event(self, job: Job, event: Event) -> None:
        """A worker says something; the last of a job is ``Ended`` or ``Failed``.

        A ``Result`` is kept when this returns: the next event of any job comes after it.
        """


class Runner(Protocol):
    """Runs jobs, each in a process of its own (``process.WorkerProcess``).

    What a job and its libraries print is in the file NAME.log of the folder that the runner was
    made for (``MakeRunner``), when ``run`` returns at the latest. A runner may be used again, one
    ``run`` after another.
    """

    def run(self, jobs: Sequence[Job], listener: Listener) -> Outcome:
        """Run all jobs, in this order as far as memory and devices allow, and wait for them.

        A job that fails, by a crash of its process too, is ``failed`` in the outcome and loses
        nothing else, unless it is vital: then the others are ended and the rest is not begun. No
        worker is left when this returns or raises.

        Args:
            jobs: with names that differ.
            listener: an exception of it, KeyboardInterrupt included, ends all workers and is
                raised here.
        """


ALL_THREADS = sys.maxsize
"""Of jobs that have to be exclusive wherever they run."""
MakeRunner = Callable[[Path], Runner]
"""Makes the runner whose logs are in a folder, which is made when it is needed."""


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Slots:
    """How many jobs can run at once, and whether they have to be ``exclusive`` for that."""

    count: int = 1
    exclusive: bool = False


def _one(threads: int) -> Slots:
    return Slots()


@dataclass(frozen=True)
class Place:
    """Where jobs run.

    Attributes:
        make_runner: makes what runs them.
        at_once: so many deployments gain from running at the same time, each in a thread.
        interrupt: makes ``Runner.run`` end in all threads, by an exception.
        slots: how many jobs of that many threads there is room for.
        timed_on: the machine on which times are taken, None for this one.
    """

    make_runner: MakeRunner
    at_once: int = 1
    interrupt: Callable[[], None] = _nothing
    slots: Callable[[int], Slots] = _one
    timed_on: Device | None = None
