"""Runs jobs on the hosts of a cluster: a ``Runner`` like that of one machine.

Each job goes, whole, to a host that has what it claims, and once more to another if that is lost.
All a job reads is sent there by content, and all it makes is here, checked, before an event that
tells of it counts.
"""

from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.cluster import host
from fbdeploy.cluster.claims import can_run
from fbdeploy.cluster.connection import Cluster
from fbdeploy.cluster.lost import ClusterLost
from fbdeploy.cluster.messages import MESSAGE, Began, Happened, Needs, Running, Stopped
from fbdeploy.cluster.paths import output_of
from fbdeploy.cluster.tracked import Tracked
from fbdeploy.cluster.transfer import HostGone
from fbdeploy.pipeline.workers.errors import failure_of
from fbdeploy.pipeline.workers.jobs import Ended, Failed, Job, Note, Result
from fbdeploy.pipeline.workers.runner import Listener, Outcome

if TYPE_CHECKING:
    from distributed import Future

LOOK_SECONDS = 1.0
STOP_SECONDS = 15.0
LAST_WORDS_SECONDS = 60.0
"""How long messages of a job may arrive after Dask has said that it ended."""
FETCH_TRIES = 3
MOST_LOSSES = 1
"""So many hosts may be lost under a job; the next ends it, since it may be what ends them."""


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
    future: Future


@dataclass(frozen=True)
class _Room:
    """A worker may have room for another job."""


_Item = _Said | _Fetched | _NotSent | _Done | _Room


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
        self._inbox: queue.Queue[_Item] = queue.Queue()
        self._topic = f"fbdeploy-{uuid.uuid4().hex}"
        self._tracked: dict[str, Tracked] = {}
        self._outcome = Outcome()
        self._looked = 0.0
        self._has_room = True

    def run(self, jobs: Sequence[Job]) -> Outcome:
        client = self._cluster.client
        client.subscribe_topic(self._topic, lambda event: self._inbox.put(_Said(event[1])))
        forget = self._cluster.ledger.on_room(lambda: self._inbox.put(_Room()))
        try:
            for job in jobs:
                self._tracked[job.name] = Tracked(
                    job,
                    f"{self._topic} {job.name}",
                    self._cluster.claims.of(job),
                    output_of(job.arguments),
                )
            while self._left():
                if self._cluster.interrupted.is_set():
                    raise Interrupted
                self._look()
                if self._has_room:
                    self._has_room = False
                    self._place()
                with suppress(queue.Empty):
                    self._take(self._inbox.get(timeout=LOOK_SECONDS))
                failed = self._outcome.failed
                if any(one.job.vital and name in failed for name, one in self._tracked.items()):
                    break
        finally:
            forget()
            self._stop()
        return self._outcome

    def _left(self) -> list[Tracked]:
        ended = self._outcome.ended.keys() | self._outcome.failed.keys()
        return [one for name, one in self._tracked.items() if name not in ended]

    def _place(self) -> None:
        """Give jobs, in their order, to workers that have room for them."""
        cluster, refused = self._cluster, set[tuple[tuple[str, float], ...]]()
        for one in self._left():
            kind = tuple(sorted(one.claims.items()))
            if one.future is not None or kind in refused:
                continue
            worker = cluster.ledger.take(one.ticket, one.claims, one.lost_host)
            if worker is None:
                refused.add(kind)
                continue
            one.worker, one.waits_since = worker, None
            parcel = cluster.packer.pack(one.job, cluster.claims.threads(one.job))
            future = one.future = cluster.client.submit(
                host.run_parcel,
                parcel.model_dump_json(),
                self._topic,
                key=f"{one.job.function.rpartition(':')[2]}-{uuid.uuid4().hex}",
                workers=[worker],
                resources=one.claims,
                pure=False,
            )
            name = one.job.name
            future.add_done_callback(lambda done, name=name: self._inbox.put(_Done(name, done)))

    def _give_back(self, one: Tracked) -> None:
        worker = "" if one.future is None else one.worker
        self._cluster.ledger.give_back(one.ticket, worker, one.claims)

    def _lose(self, one: Tracked) -> None:
        """Its host is gone: run it once more, elsewhere if there is another."""
        assert one.future is not None
        with suppress(Exception):
            self._cluster.client.cancel([one.future], force=True)
        self._cluster.ledger.forget(one.worker)
        one.losses += 1
        if one.losses > MOST_LOSSES:
            message = f"it ended {one.host} as it had ended a host before; it is not run again"
            self._end(one, Failed(cause="crash", message=message))
            return
        self._give_back(one)
        one.lose()
        self._has_room = True

    def _take(self, item: _Item) -> None:
        if isinstance(item, _Said):
            self._hear(item.text)
            return
        if isinstance(item, _Room):
            self._has_room = True
            return
        one = self._tracked[item.job]
        if one not in self._left():
            return
        if isinstance(item, _Done):
            if item.future is one.future:
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
                self._start(one)
            elif isinstance(said, Happened):
                if said.files or said.removed or said.log:
                    one.is_fetching = True
                    self._cluster.pool.submit(self._fetch, one, said)
                    return
                self._pass_on(one, said)
            del one.heard[one.expected]
            one.expected += 1

    def _fetched(self, one: Tracked, error: Exception | None) -> None:
        if error is None:
            said = one.heard.pop(one.expected)
            one.expected += 1
            one.tries = 0
            self._pass_on(one, said)
        elif isinstance(error, HostGone):
            one.tries += 1
            if one.worker not in self._workers():
                self._lose(one)
                return
            if one.tries >= FETCH_TRIES:
                self._end(one, Failed(cause="crash", message=f"{one.host}: {error}"))
                return
        else:
            self._end(one, failure_of(error))
            return
        self._proceed(one)

    def _pass_on(self, one: Tracked, said: Happened) -> None:
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

    def _start(self, one: Tracked) -> None:
        if not one.is_started:
            one.is_started = True
            self._listener.started(one.job)

    def _tell(self, one: Tracked, text: str) -> None:
        self._start(one)
        self._listener.event(one.job, Note(text=text))

    def _end(self, one: Tracked, event: Ended | Failed) -> None:
        self._give_back(one)
        self._start(one)
        self._listener.event(one.job, event)
        if isinstance(event, Ended):
            self._outcome.ended[one.job.name] = event
        else:
            self._outcome.failed[one.job.name] = event

    def _settle(self, one: Tracked) -> None:
        """Dask says that the job has ended; what its host said of it may still be on its way."""
        assert one.future is not None
        if one.future.status == "finished":
            one.done_since = time.monotonic()
        elif one.future.status == "error":
            error = one.future.exception()
            if type(error).__name__ == "KilledWorker":
                self._lose(one)
                return
            message = f"{one.host}: {type(error).__name__}: {error}"
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
            if one.future is not None:
                if one.worker not in workers:
                    self._lose(one)
                continue
            if any(can_run(one.claims, resources) for resources in workers.values()):
                one.waits_since = None
                continue
            one.waits_since = one.waits_since or now
            if now - one.waits_since > self._cluster.wait_seconds:
                self._end(one, Failed(cause="crash", message=self._nobody(one)))

    def _nobody(self, one: Tracked) -> str:
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
        workers = {
            address: (str(worker["name"]).partition(" ")[0], worker["resources"])
            for address, worker in found.items()
        }
        self._cluster.ledger.see(workers)
        return {address: resources for address, (_, resources) in workers.items()}

    def _send(self, job: str, needs: Needs) -> None:
        one = self._tracked[job]
        try:
            self._cluster.transfer.send(one.worker, needs.sha256)
        except HostGone:  # it asks again if it is there after all
            return
        except Exception as error:
            self._inbox.put(_NotSent(job, needs.attempt, error))

    def _fetch(self, one: Tracked, said: Happened) -> None:
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
            if futures := [one.future for one in left if one.future is not None]:
                client.cancel(futures, force=True)
        for one in left:
            self._give_back(one)
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
            if one.future is not None:
                with suppress(Exception):
                    one.future.release()
