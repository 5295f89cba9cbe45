"""Progress on stderr: bars where a person watches, lines where a log is written."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from fbdeploy.pipeline.workers.jobs import Ended, Event, Failed, Job, Note
from fbdeploy.pipeline.workers.jobs import Progress as StepProgress


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[step]}"),
        console=Console(stderr=True),
    )


class _Display:
    """Bars while it is entered, where a person watches."""

    def __init__(self) -> None:
        self._progress = _bars() if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def note(self, text: str) -> None:
        """One line for the user."""
        if self._progress:
            self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=sys.stderr, flush=True)


class DeployProgress(_Display):
    """Shows what the workers of a deployment do (``pipeline.running.Observer``)."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks: dict[str, TaskID] = {}
        self._started: dict[str, float] = {}

    def started(self, job: Job) -> None:
        """A worker begins with ``job``."""
        self._started[job.name] = time.monotonic()
        if self._progress:
            self._tasks[job.name] = self._progress.add_task(job.title, total=1.0, step="")

    def event(self, job: Job, event: Event) -> None:
        """A worker says something."""
        if isinstance(event, Note):
            self.note(event.text)
        elif self._progress is None:
            self._log(job, event)
        elif isinstance(event, StepProgress):
            self._progress.update(
                self._tasks[job.name], completed=min(event.done, 0.999), step=event.step
            )
        elif isinstance(event, Ended):
            self._progress.update(self._tasks[job.name], completed=1.0, step="")
        elif isinstance(event, Failed):
            self._progress.update(self._tasks[job.name], step="[red]failed[/red]")

    def _log(self, job: Job, event: Event) -> None:
        # What a vital job says ends the command, which says it then.
        if isinstance(event, Ended) or (isinstance(event, Failed) and not job.vital):
            seconds = time.monotonic() - self._started[job.name]
            print(f"{job.title}: {seconds:.1f} s, {_ending(event)}", file=sys.stderr, flush=True)


def _ending(event: Ended | Failed) -> str:
    if isinstance(event, Failed):
        return event.message
    return "done" if event.peak_bytes is None else f"{event.peak_bytes / 1e9:.1f} GB"


class Steps(_Display):
    """Shows the steps of one long computation, each with how much of it is done."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks: dict[str, TaskID] = {}

    def progress(self, step: str, done: float) -> None:
        """``done`` of a step, in 0..1; a log is told of each step once."""
        if step not in self._tasks:
            if self._progress:
                self._tasks[step] = self._progress.add_task(step, total=1.0, step="")
            else:
                self._tasks[step] = TaskID(len(self._tasks))
                print(step, file=sys.stderr, flush=True)
        if self._progress:
            self._progress.update(self._tasks[step], completed=done)


@contextmanager
def counted(title: str, total: int) -> Iterator[TaskCounter]:
    """A bar over ``total`` things, where a person watches."""
    if not sys.stderr.isatty():
        yield TaskCounter(None, None, total)
        return
    with _bars() as progress:
        yield TaskCounter(progress, progress.add_task(title, total=total, step=""), total)


class TaskCounter:
    """Advances a bar; does nothing where there is none."""

    def __init__(self, progress: Progress | None, task: TaskID | None, total: int) -> None:
        self._progress, self._task, self._total = progress, task, total

    def advance(self, count: int) -> None:
        """``count`` more are done."""
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, count)

    def part(self, done: float) -> None:
        """``done`` of all, in 0..1."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done * self._total)
