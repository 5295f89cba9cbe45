"""Runs jobs on the hosts of a cluster: a ``Runner`` like that of one machine.

Dask places each job, whole, on a host that has what it claims, and places it again if that host is
lost. All a job reads is sent there by content, and all it makes is here, checked, before an event
that tells of it counts.
"""

from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fbdeploy.cluster import host
from fbdeploy.cluster.claims import can_run
from fbdeploy.cluster.connection import Cluster
from fbdeploy.cluster.lost import ClusterLost
from fbdeploy.cluster.messages import MESSAGE, Began, Happened, Needs, Running, Stopped
from fbdeploy.cluster.paths import output_of
from fbdeploy.cluster.transfer import HostGone
from fbdeploy.pipeline.workers.errors import failure_of
from fbdeploy.pipeline.workers.jobs import Ended, Failed, Job, Note, Result
from fbdeploy.pipeline.workers.runner import Listener, Outcome

if TYPE_CHECKING:
    from distributed import Future

LOOK_SECONDS = 2.0
STOP_SECONDS = 15.0
LAST_WORDS_SECONDS = 60.0
"""How long messages of a job may arrive after Dask has said that it ended."""
FETCH_TRIES = 3


@dataclass
class _Tracked:
    """A job on its way. ``waits_since`` is None while a host has it."""

    job: Job
    claims: dict[str, float]
    future: Future
    folder: Path
    attempt: str = ""
    host: str = ""
    worker: str = ""
    waits_since: float | None = None
    is_started: bool = False
    expected: int = 0
    heard: dict[int, Any] = field(default_factory=dict)
    is_fetching: bool = False
    tries: int = 0
    kept: set[tuple[str, str]] = field(default_factory=set)
    kept_before: set[tuple[str, str]] = field(default_factory=set)
    done_since: float | None = None
    is_stopped: bool = False


@dataclass(frozen=True)
class _Said:
    text: str


@dataclass(frozen=True)
class _Fetched:
    job: str
    attempt: str
    error: Exception | None


@dataclass(frozen=True)
class _NotSent:
    job: str
    attempt: str
    error: Exception


@dataclass(frozen=True)
class _Done:
    job: str


class Interrupted(RuntimeError):
    """Another thread has ended all runs over this cluster."""


class ClusterRunner:
    """A ``Runner`` on the hosts of ``cluster``, with the jobs' logs in the folder ``logs`` here."""

    def __init__(self, cluster: Cluster, logs: Path) -> None:
        self._cluster, self._logs = cluster, logs

    def run(self, jobs: Sequence[Job], listener: Listener) -> Outcome:
        """As ``Runner.run`` says.

        Raises:
            ClusterLost: the scheduler is gone.
            Interrupted: another thread has ended all runs.
        """
        return _Run(self._cluster, self._logs, listener).run(jobs)


class _Run:
    def __init__(self, cluster: Cluster, logs: Path, listener: Listener) -> None:
        self._cluster, self._logs, self._listener = cluster, logs, listener
        self._inbox: queue.Queue[_Said | _Fetched | _NotSent | _Done] = queue.Queue()
        self._topic = f"fbdeploy-{uuid.uuid4().hex}"
        self._tracked: dict[str, _Tracked] = {}
        self._outcome = Outcome()
        self._looked = 0.0

    def run(self, jobs: Sequence[Job]) -> Outcome:
        client = self._cluster.client
        client.subscribe_topic(self._topic, lambda event: self._inbox.put(_Said(event[1])))
        try:
            for job in jobs:
                self._submit(job)
            while self._left():
                if self._cluster.interrupted.is_set():
                    raise Interrupted
                self._look()
                with suppress(queue.Empty):
                    self._take(self._inbox.get(timeout=LOOK_SECONDS))
                failed = self._outcome.failed
                if any(one.job.vital and name in failed for name, one in self._tracked.items()):
                    break
        finally:
            self._stop()
        return self._outcome

    def _left(self) -> list[_Tracked]:
        ended = self._outcome.ended.keys() | self._outcome.failed.keys()
        return [one for name, one in self._tracked.items() if name not in ended]

    def _submit(self, job: Job) -> None:
        cluster = self._cluster
        parcel = cluster.packer.pack(job, cluster.claims.threads(job))
        claims = cluster.claims.of(job)
        future = cluster.client.submit(
            host.run_parcel,
            parcel.model_dump_json(),
            self._topic,
            key=f"{job.function.rpartition(':')[2]}-{uuid.uuid4().hex}",
            resources=claims,
            pure=False,
        )
        self._tracked[job.name] = _Tracked(
            job, claims, future, output_of(job.arguments), waits_since=time.monotonic()
        )
        future.add_done_callback(lambda _: self._inbox.put(_Done(job.name)))

    def _take(self, item: _Said | _Fetched | _NotSent | _Done) -> None:
        if isinstance(item, _Said):
            self._hear(item.text)
            return
        one = self._tracked[item.job]
        if one not in self._left():
            return
        if isinstance(item, _Done):
            self._settle(one)
        elif item.attempt != one.attempt:
            return
        elif isinstance(item, _NotSent):
            self._end(one, failure_of(item.error))
        else:
            one.is_fetching = False
            self._fetched(one, item.error)

    def _hear(self, text: str) -> None:
        said = MESSAGE.validate_json(text)
        one = self._tracked[said.job]
        if isinstance(said, Stopped):
            one.is_stopped = True
            return
        if one not in self._left():
            return
        if isinstance(said, Began):
            self._begin(one, said)
        if said.attempt != one.attempt:  # of a host that was lost
            return
        if isinstance(said, Needs):
            self._cluster.pool.submit(self._send, one.job.name, said)
        one.heard[said.number] = said
        self._proceed(one)

    def _begin(self, one: _Tracked, began: Began) -> None:
        if one.attempt:
            self._tell(one, f"{one.job.title}: {one.host} was lost; it runs again on {began.host}")
        one.attempt, one.host, one.worker = began.attempt, began.host, began.worker
        one.waits_since = None
        one.expected, one.heard, one.is_fetching, one.tries = 0, {}, False, 0
        one.kept_before |= one.kept

    def _proceed(self, one: _Tracked) -> None:
        """Pass on, in their order, the messages whose files are here."""
        while not one.is_fetching and (said := one.heard.get(one.expected)) is not None:
            if isinstance(said, Running):
                self._start(one)
            elif isinstance(said, Happened):
                if said.files or said.removed or said.log:
                    one.is_fetching = True
                    self._cluster.pool.submit(self._fetch, one, said)
                    return
                self._pass_on(one, said)
            del one.heard[one.expected]
            one.expected += 1

    def _fetched(self, one: _Tracked, error: Exception | None) -> None:
        if error is None:
            said = one.heard.pop(one.expected)
            one.expected += 1
            one.tries = 0
            self._pass_on(one, said)
        elif isinstance(error, HostGone):
            one.tries += 1
            if one.tries >= FETCH_TRIES and one.worker in self._workers():
                self._end(one, Failed(cause="crash", message=f"{one.host}: {error}"))
                return
            if one.worker not in self._workers():  # Dask gives the job to another
                one.waits_since = one.waits_since or time.monotonic()
                return
        else:
            self._end(one, failure_of(error))
            return
        self._proceed(one)

    def _pass_on(self, one: _Tracked, said: Happened) -> None:
        event = said.event
        if isinstance(event, Ended | Failed):
            self._end(one, event)
            return
        if isinstance(event, Result):
            key = event.value.get("key")
            if isinstance(key, str):
                if (event.kind, key) in one.kept_before:  # the lost host had handed it over
                    return
                one.kept.add((event.kind, key))
        self._listener.event(one.job, event)

    def _start(self, one: _Tracked) -> None:
        if not one.is_started:
            one.is_started = True
            self._listener.started(one.job)

    def _tell(self, one: _Tracked, text: str) -> None:
        self._start(one)
        self._listener.event(one.job, Note(text=text))

    def _end(self, one: _Tracked, event: Ended | Failed) -> None:
        self._start(one)
        self._listener.event(one.job, event)
        if isinstance(event, Ended):
            self._outcome.ended[one.job.name] = event
        else:
            self._outcome.failed[one.job.name] = event

    def _settle(self, one: _Tracked) -> None:
        """Dask says that the job has ended; what its host said of it may still be on its way."""
        if one.future.status == "finished":
            one.done_since = time.monotonic()
        elif one.future.status == "error":
            error = one.future.exception()
            name = type(error).__name__
            if name == "KilledWorker":
                message = f"it ended {one.host} as it had ended a host before; it is not run again"
            else:
                message = f"{one.host}: {name}: {error}"
            self._end(one, Failed(cause="crash", message=message))
        else:
            raise ClusterLost(self._cluster.plan.address)

    def _look(self) -> None:
        """Now and then see whether somebody is there for those that wait."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        workers = self._workers()
        for one in self._left():
            if one.done_since is not None and now - one.done_since > LAST_WORDS_SECONDS:
                message = f"{one.host} said that it ended, and not how"
                self._end(one, Failed(cause="crash", message=message))
                continue
            if one.attempt and one.worker in workers:
                continue
            if any(can_run(one.claims, resources) for resources in workers.values()):
                one.waits_since = None
                continue
            one.waits_since = one.waits_since or now
            if now - one.waits_since > self._cluster.wait_seconds:
                self._end(one, Failed(cause="crash", message=self._nobody(one)))

    def _nobody(self, one: _Tracked) -> str:
        seconds = f"{self._cluster.wait_seconds:.0f} s"
        plan = self._cluster.plan
        owner = plan.owner(one.job.device) if one.job.device else None
        if owner is not None:
            return f"{owner.name}, which has {one.job.device}, was away for {seconds}"
        if one.job.timed:
            return f"{plan.timing_host}, on which times are taken, was away for {seconds}"
        return f"no host that can run it was there for {seconds}"

    def _workers(self) -> dict[str, dict[str, float]]:
        """The resources of each Dask worker, by address."""
        client = self._cluster.client
        try:
            found = client.scheduler_info(n_workers=-1)["workers"]
        except Exception as error:  # whatever Dask says of a scheduler that is not there
            raise ClusterLost(self._cluster.plan.address) from error
        if client.status != "running":
            raise ClusterLost(self._cluster.plan.address)
        return {address: worker["resources"] for address, worker in found.items()}

    def _send(self, job: str, needs: Needs) -> None:
        one = self._tracked[job]
        try:
            self._cluster.transfer.send(one.worker, needs.sha256)
        except HostGone:  # it asks again if it is there after all
            return
        except Exception as error:
            self._inbox.put(_NotSent(job, needs.attempt, error))

    def _fetch(self, one: _Tracked, said: Happened) -> None:
        transfer, error = self._cluster.transfer, None
        try:
            transfer.fetch(one.worker, one.folder, said.files, said.removed)
            if said.log is not None:
                name = said.log.model_copy(update={"path": f"{one.job.name}.log"})
                transfer.fetch(one.worker, self._logs, [name], ())
        except Exception as caught:
            error = caught
        self._inbox.put(_Fetched(one.job.name, said.attempt, error))

    def _stop(self) -> None:
        """Take back what has not ended, and wait until no host that is there runs it."""
        left = self._left()
        client = self._cluster.client
        with suppress(Exception):  # the scheduler is gone: hosts end jobs by themselves
            if left:
                client.cancel([one.future for one in left], force=True)
        end = time.monotonic() + STOP_SECONDS
        while time.monotonic() < end and client.status == "running":
            if all(one.is_stopped or not one.attempt for one in left):
                break
            with suppress(queue.Empty):
                item = self._inbox.get(timeout=0.2)
                if isinstance(item, _Said):
                    said = MESSAGE.validate_json(item.text)
                    last = isinstance(said, Happened) and isinstance(said.event, Ended | Failed)
                    if isinstance(said, Stopped) or last:
                        self._tracked[said.job].is_stopped = True
        with suppress(Exception):
            client.unsubscribe_topic(self._topic)
        for one in self._tracked.values():
            with suppress(Exception):
                one.future.release()
