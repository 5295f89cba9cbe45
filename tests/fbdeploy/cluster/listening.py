"""Jobs of ``small_jobs`` on a cluster, and a listener that keeps what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fbdeploy.cluster.connection import Cluster
from fbdeploy.cluster.runner import ClusterRunner
from fbdeploy.pipeline.workers.jobs import Event, Job, Note, Result


@dataclass
class Heard:
    """All that a runner says, and what is to happen when it does."""

    started_jobs: list[str] = field(default_factory=list)
    events: list[tuple[str, Event]] = field(default_factory=list)
    react: Callable[[Job, Event], None] = lambda job, event: None

    def started(self, job: Job) -> None:
        self.started_jobs.append(job.name)

    def event(self, job: Job, event: Event) -> None:
        assert job.name in self.started_jobs
        self.events.append((job.name, event))
        self.react(job, event)

    def results(self, kind: str) -> list[dict]:
        return [e.value for _, e in self.events if isinstance(e, Result) and e.kind == kind]

    def notes(self) -> list[str]:
        return [e.text for _, e in self.events if isinstance(e, Note)]


def job(function: str, folder: Path, name: str = "", **more: object) -> Job:
    arguments = {"folder": str(folder), **more.pop("arguments", {})}
    name = name or function
    return Job(
        name=name,
        title=name,
        function=f"tests.fbdeploy.cluster.small_jobs:{function}",
        arguments=arguments,
        memory=10**8,
        **more,
    )


def run(cluster: Cluster, folder: Path, jobs: list[Job], heard: Heard | None = None):
    return ClusterRunner(cluster, folder / "logs").run(jobs, heard or Heard())
