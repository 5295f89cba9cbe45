"""Runs jobs on this machine: where memory allows two at a time, and one a device elsewhere."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Sequence
from pathlib import Path

from fbdeploy.pipeline.workers.jobs import Ended, Event, Failed, Job
from fbdeploy.pipeline.workers.machine import MEMORY_LIMIT, available_memory, worker_environment
from fbdeploy.pipeline.workers.process import WorkerProcess, stop_all
from fbdeploy.pipeline.workers.runner import Listener, Outcome

MOST_AT_ONCE = 2


class LocalRunner:
    """A ``Runner`` that starts workers here, with their logs in the folder ``logs``.

    An exclusive job has ``cores`` threads; those that share the machine share them evenly.
    """

    def __init__(self, logs: Path, cores: int) -> None:
        self._logs, self._cores = logs, cores

    def run(self, jobs: Sequence[Job], listener: Listener) -> Outcome:
        """As ``Runner.run`` says."""
        outcome = Outcome()
        events: queue.Queue[tuple[Job, Event]] = queue.Queue()
        waiting = list(jobs)
        running: dict[str, WorkerProcess] = {}
        limit = min(MEMORY_LIMIT, available_memory())
        try:
            while waiting or running:
                for job in startable(waiting, [one.job for one in running.values()], limit):
                    waiting.remove(job)
                    running[job.name] = self._start(job, events)
                    listener.started(job)
                job, event = events.get()
                listener.event(job, event)
                if isinstance(event, Ended):
                    outcome.ended[job.name] = event
                    del running[job.name]
                elif isinstance(event, Failed):
                    outcome.failed[job.name] = event
                    del running[job.name]
                    if job.vital:
                        break
        finally:
            stop_all(running.values())
        return outcome

    def _start(self, job: Job, events: queue.Queue[tuple[Job, Event]]) -> WorkerProcess:
        def hear(event: Event) -> None:
            events.put((job, event))

        threads = self._cores if job.exclusive else max(1, self._cores // MOST_AT_ONCE)
        log = self._logs / f"{job.name}.log"
        return WorkerProcess(job, log, worker_environment(job, threads), hear)


def startable(waiting: Iterable[Job], running: Sequence[Job], limit: int) -> list[Job]:
    """Which of the waiting jobs may begin beside the running ones, in ``limit`` bytes together."""
    chosen: list[Job] = []
    for job in waiting:
        busy = [*running, *chosen]
        if any(other.exclusive for other in busy):
            break
        alike = sum(other.device == job.device for other in busy)
        if alike >= (1 if job.device else MOST_AT_ONCE):
            continue
        used = sum(other.memory for other in busy)
        # One job always runs, however little memory there is.
        if busy and (job.exclusive or used + job.memory > limit):
            continue
        chosen.append(job)
    return chosen
