"""Jobs of the pipeline, what their results mean, and what becomes of the run if one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel

from fbdeploy.pipeline.lock import remove_partial
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.space import blame_full_disk
from fbdeploy.pipeline.work import WorkFolder
from fbdeploy.pipeline.workers.jobs import Event, Failed, Job, Result
from fbdeploy.pipeline.workers.runner import Listener, Outcome, Runner
from fbdeploy.records.builds import Build
from fbdeploy.records.manifest import StepName
from zoo.documents import Schema
from zoo.errors import InputError


class PipelineError(RuntimeError):
    """Nothing could be deployed, and not because of the input; one line that names the log."""


class Observer(Listener, Protocol):
    """Who shows what happens."""

    def note(self, text: str) -> None:
        """One line for the user."""


class StepArguments(Schema):
    """What every step is asked with."""

    request: DeployRequest

    @property
    def work(self) -> WorkFolder:
        """Where it keeps what the next run can use."""
        return WorkFolder.of(self.request.output)


@dataclass(frozen=True)
class StepJob:
    """A job of a step.

    Attributes:
        job: what a worker is asked; if it is vital, its failure ends the run.
        results: the classes of what it hands over, and who puts each where it belongs; the folder
            holds it when that returns.
        step: what failed if it does; None if it is vital.
        format: the format that the job is about, if it is about one.
        lost: the builds that are still missing, for which a failure of the job is told.
        bad_input_ends: whether the run ends where the job says that its input was bad.
    """

    job: Job
    results: dict[type[BaseModel], Callable[..., None]]
    step: StepName | None = None
    format: str = ""
    lost: Callable[[], Iterable[Build]] = tuple
    bad_input_ends: bool = False

    def keep(self, result: Result) -> None:
        """Put something finished where it belongs.

        Raises:
            ValueError: the job should not have made it.
        """
        for schema, keep in self.results.items():
            value = result.read(schema)
            if value is not None:
                keep(value)
                return
        raise ValueError(f"{self.job.name} sent an unknown kind of result: {result.kind}")


@dataclass(frozen=True)
class Start:
    """What a run has from its first moment on."""

    request: DeployRequest
    work: WorkFolder
    runner: Runner
    observer: Observer

    def run(self, jobs: Sequence[StepJob]) -> Outcome:
        """Run jobs and keep what they make.

        Raises:
            InputError: the disk is full, or a job that all else depends on had bad input.
            PipelineError: such a job crashed.
        """
        try:
            outcome = self.runner.run([one.job for one in jobs], _Keeper(jobs, self.observer))
        finally:
            remove_partial(self.request.output)
        for failed in outcome.failed.values():
            if failed.cause == "disk":
                raise InputError(failed.message)
        if outcome.failed:
            blame_full_disk(self.request.output)
        for one in jobs:
            if one.job.name in outcome.failed:
                self._end_if_it_must(one, outcome.failed[one.job.name])
        return outcome

    def _end_if_it_must(self, one: StepJob, failed: Failed) -> None:
        if failed.cause == "input" and (one.job.vital or one.bad_input_ends):
            raise InputError(failed.message)
        if one.job.vital:
            log = self.request.output / self.work.log_of(one.job.name)
            raise PipelineError(f"{failed.message} ({log})")


class _Keeper:
    """Hands each result to its job's step, and everything to the observer first."""

    def __init__(self, jobs: Sequence[StepJob], observer: Observer) -> None:
        self._jobs = {one.job.name: one for one in jobs}
        self._observer = observer

    def started(self, job: Job) -> None:
        self._observer.started(job)

    def event(self, job: Job, event: Event) -> None:
        self._observer.event(job, event)
        if isinstance(event, Result):
            self._jobs[job.name].keep(event)
