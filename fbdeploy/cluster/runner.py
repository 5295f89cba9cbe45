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
from pathlib import Path

from fbdeploy.cluster import host
from fbdeploy.cluster.claims import can_run
from fbdeploy.cluster.connection import Cluster
from fbdeploy.cluster.delivery import Delivery, Done, Item, NotSent, Room, Said
from fbdeploy.cluster.lost import ClusterLost
from fbdeploy.cluster.messages import MESSAGE, Happened, Stopped
from fbdeploy.cluster.paths import output_of
from fbdeploy.cluster.store import DiskFull
from fbdeploy.cluster.tracked import Tracked
from fbdeploy.pipeline.workers.errors import failure_of
from fbdeploy.pipeline.workers.jobs import Ended, Failed, Job
from fbdeploy.pipeline.workers.runner import Listener, Outcome

LOOK_SECONDS = 1.0
STOP_SECONDS = 15.0
LAST_WORDS_SECONDS = 60.0
"""How long messages of a job may arrive after Dask has said that it ended."""
MOST_PACKINGS = 3
MOST_LOSSES = 1
"""So many hosts may be lost under a job; the next ends it, since it may be what ends them."""


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
        self._cluster = cluster
        self._inbox: queue.Queue[Item] = queue.Queue()
        self._topic = f"fbdeploy-{uuid.uuid4().hex}"
        self._jobs = Delivery(cluster, logs, listener, self._inbox.put, self._lose)
        self._looked = 0.0
        self._has_room = True

    def run(self, jobs: Sequence[Job]) -> Outcome:
        client = self._cluster.client
        client.subscribe_topic(self._topic, lambda event: self._inbox.put(Said(event[1])))
        forget = self._cluster.ledger.on_room(lambda: self._inbox.put(Room()))
        try:
            for job in jobs:
                self._jobs.tracked[job.name] = Tracked(
                    job,
                    f"{self._topic} {job.name}",
                    self._cluster.claims.of(job),
                    output_of(job.arguments),
                )
            while self._jobs.left():
                if self._cluster.interrupted.is_set():
                    raise Interrupted
                self._look()
                if self._has_room:
                    self._has_room = False
                    self._place()
                with suppress(queue.Empty):
                    self._take(self._inbox.get(timeout=LOOK_SECONDS))
                failed = self._jobs.outcome.failed
                if any(
                    one.job.vital and name in failed for name, one in self._jobs.tracked.items()
                ):
                    break
        finally:
            forget()
            self._stop()
        return self._jobs.outcome

    def _place(self) -> None:
        """Give jobs, in their order, to workers that have room for them."""
        cluster, refused = self._cluster, set[tuple[tuple[str, float], ...]]()
        for one in self._jobs.left():
            if one.future is not None or one.kind in refused:
                continue
            worker = cluster.ledger.take(one.ticket, one.claims, one.lost_host)
            if worker is None:
                refused.add(one.kind)
                continue
            one.worker, one.waits_since = worker, None
            try:
                parcel = cluster.packer.pack(one.job, cluster.claims.threads(one.job))
            except OSError as error:
                cluster.ledger.give_back(one.ticket, worker, one.claims)
                self._pack_again(one, error)
                continue
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
            future.add_done_callback(lambda done, name=name: self._inbox.put(Done(name, done)))

    def _pack_again(self, one: Tracked, error: Exception) -> None:
        """A file of it was replaced while it was packed or sent: start again, a few times."""
        one.packings += 1
        if one.packings > MOST_PACKINGS:
            self._jobs.end(one, failure_of(error))
            return
        self._take_back(one)

    def _take_back(self, one: Tracked) -> None:
        """It waits again; whatever runs of it is not wanted any more."""
        if one.future is not None:
            with suppress(Exception):
                self._cluster.client.cancel([one.future], force=True)
        self._jobs.give_back(one)
        one.wait()
        self._has_room = True

    def _lose(self, one: Tracked) -> None:
        """Its host is gone: run it once more, elsewhere if there is another."""
        self._cluster.ledger.forget(one.worker)
        one.losses += 1
        if one.losses > MOST_LOSSES:
            message = f"it ended {one.host} as it had ended a host before; it is not run again"
            self._jobs.end(one, Failed(cause="crash", message=message))
            return
        one.lost_host = one.host
        self._take_back(one)

    def _take(self, item: Item) -> None:
        if isinstance(item, Said):
            self._jobs.hear(item.text)
            return
        if isinstance(item, Room):
            self._has_room = True
            return
        one = self._jobs.tracked[item.job]
        if one not in self._jobs.left():
            return
        if isinstance(item, Done):
            if item.future is one.future:
                self._settle(one)
        elif item.attempt != one.attempt:
            return
        elif isinstance(item, NotSent):
            if isinstance(item.error, DiskFull):
                self._jobs.end(one, Failed(cause="disk", message=str(item.error)))
            else:
                self._pack_again(one, item.error)
        else:
            self._jobs.fetched(one, item.error)

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
            self._jobs.end(one, Failed(cause="crash", message=message))
        else:
            raise ClusterLost(self._cluster.plan.address)

    def _look(self) -> None:
        """Now and then see whether somebody is there for those that wait."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        workers = self._cluster.workers()
        for one in self._jobs.left():
            if one.done_since is not None and now - one.done_since > LAST_WORDS_SECONDS:
                message = f"{one.host} said that it ended, and not how"
                self._jobs.end(one, Failed(cause="crash", message=message))
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
                self._jobs.end(one, Failed(cause="crash", message=self._nobody(one)))

    def _nobody(self, one: Tracked) -> str:
        seconds = f"{self._cluster.wait_seconds:.0f} s"
        plan = self._cluster.plan
        owner = plan.owner(one.job.device) if one.job.device else None
        if owner is not None:
            return f"{owner.name}, which has {one.job.device}, was away for {seconds}"
        if one.job.timed:
            return f"{plan.timing_host}, on which times are taken, was away for {seconds}"
        return f"no host that can run it was there for {seconds}"

    def _stop(self) -> None:
        """Take back what has not ended, and wait until no host that is there runs it."""
        left = self._jobs.left()
        client = self._cluster.client
        with suppress(Exception):  # the scheduler is gone: hosts end jobs by themselves
            if futures := [one.future for one in left if one.future is not None]:
                client.cancel(futures, force=True)
        for one in left:
            self._jobs.give_back(one)
        end = time.monotonic() + STOP_SECONDS
        while time.monotonic() < end and client.status == "running":
            if all(one.is_stopped or not one.attempt for one in left):
                break
            with suppress(queue.Empty):
                item = self._inbox.get(timeout=0.2)
                if isinstance(item, Said):
                    said = MESSAGE.validate_json(item.text)
                    last = isinstance(said, Happened) and isinstance(said.event, Ended | Failed)
                    if isinstance(said, Stopped) or last:
                        self._jobs.tracked[said.job].is_stopped = True
        with suppress(Exception):
            client.unsubscribe_topic(self._topic)
        for one in self._jobs.tracked.values():
            if one.future is not None:
                with suppress(Exception):
                    one.future.release()
