"""What hosts say of jobs, passed on in its order when the files that belong to it are here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.cluster.connection import Cluster
from fbdeploy.cluster.messages import MESSAGE, Began, Happened, Needs, Running, Stopped
from fbdeploy.cluster.tracked import Tracked
from fbdeploy.cluster.transfer import HostGone
from fbdeploy.pipeline.space import ADVICE
from fbdeploy.pipeline.workers.errors import failure_of, is_disk_error
from fbdeploy.pipeline.workers.jobs import Ended, Failed, Note, Result
from fbdeploy.pipeline.workers.runner import Listener, Outcome
from fbdeploy.records.hosts import HostJob, append_host_job
from zoo.errors import one_line, reason_of

if TYPE_CHECKING:
    from distributed import Future

FETCH_TRIES = 3


@dataclass(frozen=True)
class Said:
    """What a host has sent: JSON of a ``Message``."""

    text: str


@dataclass(frozen=True)
class Fetched:
    """The files of a job's next message are here, or there was an error."""

    job: str
    attempt: str
    error: Exception | None


@dataclass(frozen=True)
class NotSent:
    """What a job reads could not be sent."""

    job: str
    attempt: str
    error: Exception


@dataclass(frozen=True)
class Done:
    """Dask says that a job has ended."""

    job: str
    future: Future


@dataclass(frozen=True)
class Room:
    """A worker may have room for another job."""


Item = Said | Fetched | NotSent | Done | Room


class Delivery:
    """The jobs of one run, and what is heard of them.

    Args:
        cluster: where they run.
        logs: the folder for their logs.
        listener: hears what is passed on.
        post: takes what other threads have to say, for this object's own.
        lose: is told of a job whose host is gone.
    """

    def __init__(
        self,
        cluster: Cluster,
        logs: Path,
        listener: Listener,
        post: Callable[[Item], None],
        lose: Callable[[Tracked], None],
    ) -> None:
        self._cluster, self._logs, self._listener = cluster, logs, listener
        self._post, self._lose = post, lose
        self.tracked: dict[str, Tracked] = {}
        self.outcome = Outcome()

    def left(self) -> list[Tracked]:
        """The jobs that have not ended."""
        ended = self.outcome.ended.keys() | self.outcome.failed.keys()
        return [one for name, one in self.tracked.items() if name not in ended]

    def hear(self, text: str) -> None:
        """A host says something."""
        said = MESSAGE.validate_json(text)
        one = self.tracked[said.job]
        if isinstance(said, Stopped):
            one.is_stopped = True
            return
        if one not in self.left():
            return
        if isinstance(said, Began):
            if one.future is None or said.worker != one.worker:  # late, of a host that was lost
                return
            self._begin(one, said)
        if said.attempt != one.attempt:  # of a host that was lost
            return
        if isinstance(said, Needs):
            self._cluster.pool.submit(self._send, one.job.name, said)
        one.heard[said.number] = said
        self._proceed(one)

    def _begin(self, one: Tracked, began: Began) -> None:
        if one.lost_host:
            self._tell(
                one, f"{one.job.title}: {one.lost_host} was lost; it runs again on {began.host}"
            )
        one.begin(began)

    def _proceed(self, one: Tracked) -> None:
        """Pass on, in their order, the messages whose files are here."""
        while not one.is_fetching and (said := one.heard.get(one.expected)) is not None:
            if isinstance(said, Running):
                one.began = time.monotonic()
                self._start(one)
            elif isinstance(said, Happened):
                if said.files or said.removed or said.log:
                    one.is_fetching = True
                    self._cluster.pool.submit(self._fetch, one, said)
                    return
                self._pass_on(one, said)
            del one.heard[one.expected]
            one.expected += 1

    def fetched(self, one: Tracked, error: Exception | None) -> None:
        """The files of the next message are here, or could not be fetched."""
        one.is_fetching = False
        if error is None:
            said = one.heard.pop(one.expected)
            assert isinstance(said, Happened)
            one.expected += 1
            one.tries = 0
            self._pass_on(one, said)
        elif isinstance(error, HostGone):
            one.tries += 1
            if one.worker not in self._cluster.workers():
                self._lose(one)
                return
            if one.tries >= FETCH_TRIES:
                self.end(one, Failed(cause="crash", message=f"{one.host}: {error}"))
                return
        else:
            self.end(one, _not_written(one.folder, error))
            return
        self._proceed(one)

    def _pass_on(self, one: Tracked, said: Happened) -> None:
        event = said.event
        if isinstance(event, Ended | Failed):
            self.end(one, event)
            return
        if isinstance(event, Result):
            key = event.value.get("key")
            if isinstance(key, str):
                if (event.kind, key) in one.kept_before:  # the lost host had handed it over
                    return
                one.kept.add((event.kind, key))
        self._listener.event(one.job, event)

    def _start(self, one: Tracked) -> None:
        if not one.is_started:
            one.is_started = True
            self._listener.started(one.job)

    def _tell(self, one: Tracked, text: str) -> None:
        self._start(one)
        self._listener.event(one.job, Note(text=text))

    def give_back(self, one: Tracked) -> None:
        """Others may have what it has taken of its worker."""
        worker = "" if one.future is None else one.worker
        self._cluster.ledger.give_back(one.ticket, worker, one.claims)

    def end(self, one: Tracked, event: Ended | Failed) -> None:
        """The job has ended, whatever else is heard of it."""
        self.give_back(one)
        self._start(one)
        self._listener.event(one.job, event)
        if isinstance(event, Ended):
            self._keep_who(one)
            self.outcome.ended[one.job.name] = event
        else:
            self.outcome.failed[one.job.name] = event

    def _keep_who(self, one: Tracked) -> None:
        done = HostJob(
            host=one.host,
            cpu=one.cpu,
            device=one.job.device,
            job=one.job.name,
            seconds=time.monotonic() - one.began,
        )
        append_host_job(self._logs, done)

    def _send(self, job: str, needs: Needs) -> None:
        one = self.tracked[job]
        try:
            self._cluster.transfer.send(one.worker, needs.sha256)
        except HostGone:  # it asks again if it is there after all
            return
        except Exception as error:
            self._post(NotSent(job, needs.attempt, error))

    def _fetch(self, one: Tracked, said: Happened) -> None:
        transfer, error = self._cluster.transfer, None
        try:
            transfer.fetch(one.worker, one.folder, said.files, said.removed)
            if said.log is not None:
                name = said.log.model_copy(update={"path": f"{one.job.name}.log"})
                transfer.fetch(one.worker, self._logs, [name], ())
        except Exception as caught:
            error = caught
        self._post(Fetched(one.job.name, said.attempt, error))


def _not_written(folder: Path, error: Exception) -> Failed:
    """What a job made cannot be put into the output folder."""
    if is_disk_error(error):
        reason = f"{folder}: cannot be written ({reason_of(error)}); {ADVICE}"
        return Failed(cause="disk", message=one_line(reason))
    return failure_of(error)
