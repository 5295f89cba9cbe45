"""One command's work in parts, spread over where there is room, and kept until all are done."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fbdeploy.pipeline.environment import PACKAGES
from fbdeploy.pipeline.keys import code_sha256, data_identity, key_of, versions
from fbdeploy.pipeline.lock import locked
from fbdeploy.pipeline.running import Observer, PipelineError
from fbdeploy.pipeline.workers.jobs import Event, Job, Note
from fbdeploy.pipeline.workers.runner import Outcome, Place
from fbdeploy.records.hosts import work_below
from fbdeploy.report import numbers
from fbdeploy.version import PACKAGES as OURS
from runtime_bench.machine.cache import cache_folder
from zoo.datasets.contents import embedded_content
from zoo.errors import InputError

LOGS = "logs"
KEPT_SECONDS = 14 * 24 * 3600.0
"""How long parts of a command that was cut off wait for it to be given again."""


@dataclass(frozen=True)
class Spread:
    """Where parts run, and who is told."""

    place: Place
    observer: Observer

    def run(self, folder: Path, jobs: Sequence[Job]) -> None:
        """Run vital jobs, whose logs are in ``folder``; a note that several make is told once.

        Raises:
            InputError: a job had bad input.
            PipelineError: a job crashed; the line names its log.
        """
        runner = self.place.make_runner(folder / LOGS)
        outcome: Outcome = runner.run(jobs, _Once(self.observer))
        for name, failed in outcome.failed.items():
            if failed.cause == "crash":
                raise PipelineError(f"{failed.message} ({folder / LOGS / name}.log)")
            raise InputError(failed.message)

    def tell_hosts(self, folder: Path) -> None:
        """A line a host of a cluster: what it did for ``folder``."""
        for one in work_below(folder):
            seconds = numbers.duration(one.seconds)
            self.observer.note(f"{one.host} ({one.cpu}): {one.jobs} job(s), {seconds}")


@contextmanager
def kept_until_done(kind: str, key: str) -> Iterator[Path]:
    """A folder for what is made in parts; it goes when the block ends well, and is there again for
    the same ``key`` when it did not.

    Raises:
        InputError: it cannot be written, or another process makes the same.
    """
    root = cache_folder() / "parts"
    _remove_forgotten(root)
    folder = root / f"{kind}-{key}"
    with locked(folder):
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


def code_identity() -> str:
    """What a part depends on besides what it is asked: our source and the packages."""
    return key_of(code=code_sha256("fbdeploy", *OURS), versions=dict(versions(PACKAGES)))


def images_identity(name: str) -> str:
    """What images depend on: their contents where they are embedded, else the folder's files."""
    return embedded_content(name) or data_identity(Path(name))


def _remove_forgotten(root: Path) -> None:
    for folder in root.glob("*"):
        if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


class _Once:
    """A ``Listener`` that passes everything on, but a note only once."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._told: set[str] = set()

    def started(self, job: Job) -> None:
        self._observer.started(job)

    def event(self, job: Job, event: Event) -> None:
        if isinstance(event, Note):
            if event.text in self._told:
                return
            self._told.add(event.text)
        self._observer.event(job, event)
