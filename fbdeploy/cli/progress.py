"""Progress on stderr: bars where a person watches, lines where a log is written."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

from fbdeploy.pipeline.workers.jobs import Ended, Event, Failed, Job, Note
from fbdeploy.pipeline.workers.jobs import Progress as StepProgress
from fbdeploy.records.manifest import now
from fbdeploy.report import numbers
from fbdeploy.report.lines import width_of, wrapped
from zoo.errors import InputError, one_line, reason_of

SOON = 5.0
"""Seconds of a step after which what is left of it can be told, from its first twentieth on."""


@dataclass(frozen=True)
class Telling:
    """How much is said on stderr, and which file gets all of it with the time of each line."""

    quiet: bool = False
    verbose: bool = False
    log: Path | None = None


class _Remaining(ProgressColumn):
    """What is left of the step that a bar shows, by how long its part so far took."""

    def render(self, task: Task) -> Text:
        since, done = task.fields.get("since"), task.completed / (task.total or 1.0)
        if since is None or not 0.05 <= done < 1:
            return Text("")
        taken = time.monotonic() - since
        if taken < SOON:
            return Text("")
        return Text(f"{numbers.duration(taken * (1 - done) / done)} left", style="dim")


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=14),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        _Remaining(),
        TextColumn(
            "{task.fields[step]}",
            style="dim",
            markup=False,
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
        ),
        console=Console(stderr=True),
        expand=True,
    )


class _Display:
    """Bars while it is entered, where a person watches and did not ask for lines."""

    def __init__(self, telling: Telling | None = None) -> None:
        self._telling = telling or Telling()
        bars = sys.stderr.isatty() and not (self._telling.quiet or self._telling.verbose)
        self._progress = _bars() if bars else None
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        if self._telling.log is not None:
            try:
                # Kept open until __exit__.
                self._file = self._telling.log.open("a", encoding="utf-8", errors="replace")
            except OSError as error:
                raise InputError(
                    f"{self._telling.log}: cannot be written ({reason_of(error)}); name another"
                ) from error
        if self._progress:
            self._progress.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._progress:
            self._progress.stop()
        if error is not None:
            self._write(one_line(f"ended: {error or type(error).__name__}"))
        if self._file is not None:
            self._file.close()

    def note(self, text: str) -> None:
        """One line for the user."""
        self._write(text)
        if self._telling.quiet:
            return
        shown = wrapped(text, width_of(sys.stderr) if sys.stderr.isatty() else None)
        if self._progress:
            self._progress.console.print(shown, markup=False, highlight=False, soft_wrap=True)
        else:
            print(shown, file=sys.stderr, flush=True)

    def _line(self, text: str, *, detail: bool = False) -> None:
        """A line where there are no bars; a ``detail`` only if all is to be said."""
        self._write(text)
        shown = self._telling.verbose or not detail
        if shown and self._progress is None and not self._telling.quiet:
            print(text, file=sys.stderr, flush=True)

    def _write(self, text: str) -> None:
        if self._file is not None:
            self._file.write(f"{now()} {text}\n")
            self._file.flush()


class DeployProgress(_Display):
    """Shows what the workers of a deployment do (``pipeline.running.Observer``), and at the end how
    long all of it took."""

    def __init__(self, telling: Telling | None = None) -> None:
        super().__init__(telling)
        self._tasks: dict[str, TaskID] = {}
        self._started: dict[str, float] = {}
        self._steps: dict[str, str] = {}
        self._begun = time.monotonic()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None and self._started:
            self.note(f"total: {numbers.duration(time.monotonic() - self._begun)}")
        super().__exit__(kind, error, trace)

    def started(self, job: Job) -> None:
        """A worker begins with ``job``."""
        self._started[job.name] = time.monotonic()
        self._line(f"{job.title}: begins", detail=True)
        if self._progress:
            self._tasks[job.name] = self._progress.add_task(
                job.title, total=1.0, step="", since=None
            )

    def event(self, job: Job, event: Event) -> None:
        """A worker says something."""
        if isinstance(event, Note):
            self.note(event.text)
        elif isinstance(event, StepProgress):
            self._step(job, event)
        # What a vital job says ends the command, which says it then.
        elif isinstance(event, Ended) or (isinstance(event, Failed) and not job.vital):
            seconds = time.monotonic() - self._started[job.name]
            self._line(f"{job.title}: {seconds:.1f} s, {_ending(event)}")
        if self._progress is None:
            return
        if isinstance(event, Ended):
            self._progress.update(self._tasks[job.name], completed=1.0, step="")
        elif isinstance(event, Failed):
            self._progress.update(self._tasks[job.name], step="failed")

    def _step(self, job: Job, event: StepProgress) -> None:
        is_new = self._steps.get(job.name) != event.step
        self._steps[job.name] = event.step
        if is_new:
            self._line(f"{job.title}: {event.step}", detail=True)
        if self._progress:
            task = self._tasks[job.name]
            if is_new:
                self._progress.update(task, since=time.monotonic())
            self._progress.update(task, completed=min(event.done, 0.999), step=event.step)


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
            self._line(step)
            self._tasks[step] = TaskID(len(self._tasks))
            if self._progress:
                self._tasks[step] = self._progress.add_task(
                    step, total=1.0, step="", since=time.monotonic()
                )
        if self._progress:
            self._progress.update(self._tasks[step], completed=done)


@contextmanager
def counted(title: str, total: int) -> Iterator[TaskCounter]:
    """A bar over ``total`` things, where a person watches."""
    if not sys.stderr.isatty():
        yield TaskCounter(None, None, total)
        return
    with _bars() as progress:
        task = progress.add_task(title, total=total, step="", since=time.monotonic())
        yield TaskCounter(progress, task, total)


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
