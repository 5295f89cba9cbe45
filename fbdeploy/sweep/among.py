"""Several deployments at once before one observer: one word at a time, each with its name."""

from __future__ import annotations

import threading

from fbdeploy.pipeline.running import Observer
from fbdeploy.pipeline.workers.jobs import Event, Job, Note


class Among:
    """An ``Observer`` for one deployment of several, called in its thread.

    Args:
        observer: of all of them.
        lock: theirs.
        name: of this one, which tells its jobs from the others'.
    """

    def __init__(self, observer: Observer, lock: threading.Lock, name: str) -> None:
        self._observer, self._lock, self._name = observer, lock, name

    def started(self, job: Job) -> None:
        """As ``Listener.started``."""
        with self._lock:
            self._observer.started(self._named(job))

    def event(self, job: Job, event: Event) -> None:
        """As ``Listener.event``."""
        if isinstance(event, Note):
            event = Note(text=f"{self._name}: {event.text}")
        with self._lock:
            self._observer.event(self._named(job), event)

    def note(self, text: str) -> None:
        """As ``Observer.note``."""
        with self._lock:
            self._observer.note(f"{self._name}: {text}")

    def _named(self, job: Job) -> Job:
        return job.model_copy(
            update={
                "name": f"{self._name}: {job.name}",
                "title": f"{self._name}: {job.title}",
            }
        )
