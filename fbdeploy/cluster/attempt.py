"""One attempt at a job on a host: its files fetched, its process run, its events sent."""

from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fbdeploy.cluster.gate import Gate
from fbdeploy.cluster.messages import Began, Happened, Message, Needs, Parcel, Running, Stopped
from fbdeploy.cluster.paths import told_here
from fbdeploy.cluster.sandbox import Sandbox, listed, needed, unpack
from fbdeploy.cluster.store import DiskFull, Store
from fbdeploy.pipeline.environment import HOST_VARIABLE
from fbdeploy.pipeline.workers.errors import failure_of
from fbdeploy.pipeline.workers.jobs import EVENT, Ended, Event, Failed, Note, Progress
from fbdeploy.pipeline.workers.machine import worker_environment
from fbdeploy.pipeline.workers.process import WorkerProcess, stop_all

LOOK_SECONDS = 0.5
SYNC_SECONDS = 30.0
"""How long a job runs on before what it keeps for a later start, such as the state of a training,
is sent, so that another host can go on there."""
ASK_AGAIN_SECONDS = 60.0
"""How long nothing arrives before it is asked for again."""


class Unwanted(Exception):
    """The client has gone, or has taken the job back."""


@dataclass
class Attempt:
    """What one attempt needs of its host.

    ``tell`` takes JSON for the client; ``wanted`` says whether it is still there and waits;
    ``alone`` is whether nothing else may run on the host meanwhile.
    """

    host: str
    cpu: str
    worker: str
    parcel: Parcel
    store: Store
    there: Mapping[str, Path]
    gate: Gate
    tell: Callable[[str], None]
    wanted: Callable[[], bool]

    def __post_init__(self) -> None:
        self._id = uuid.uuid4().hex
        self._number = 0

    def run(self) -> None:
        """Run the job to its end, which is told like all else, or until nobody wants it."""
        self._send(Began, host=self.host, cpu=self.cpu, worker=self.worker)
        try:
            self._run()
        except Unwanted:
            self._send(Stopped)
        except DiskFull as error:
            self._send(Happened, event=Failed(cause="disk", message=str(error)))
        except Exception as error:
            failed = failure_of(error)
            self._send(Happened, event=self._blamed(failed) if failed.cause == "disk" else failed)

    def _run(self) -> None:
        self._fetch(needed(self.parcel))
        self._fetch(listed(self.parcel, self.store, self.there))
        sandbox = unpack(self.parcel, self.store, self.there)
        try:
            alone = self.parcel.job.timed and not self.parcel.job.device
            with self.gate.passed(alone=alone, wanted=self.wanted) as is_inside:
                if not is_inside:
                    raise Unwanted
                self._work(sandbox)
        finally:
            sandbox.close()

    def _fetch(self, contents: list[str]) -> None:
        missing = self.store.missing(contents)
        while missing:
            self._send(Needs, sha256=tuple(missing))
            silent = 0.0
            while missing and silent < ASK_AGAIN_SECONDS:
                if not self.wanted():
                    raise Unwanted
                before = len(missing)
                missing = self.store.wait(missing, LOOK_SECONDS)
                silent = silent + LOOK_SECONDS if len(missing) == before else 0.0

    def _work(self, sandbox: Sandbox) -> None:
        heard: queue.Queue[Event] = queue.Queue()
        self._send(Running)
        environment = worker_environment(sandbox.job, self.parcel.threads)
        environment[HOST_VARIABLE] = self.host
        process = WorkerProcess(sandbox.job, sandbox.log, environment, heard.put)
        synced = time.monotonic()
        try:
            while True:
                if not self.wanted():
                    raise Unwanted
                try:
                    event = heard.get(timeout=LOOK_SECONDS)
                except queue.Empty:
                    continue
                with_files = not isinstance(event, Note) and (
                    not isinstance(event, Progress) or time.monotonic() - synced > SYNC_SECONDS
                )
                self._pass_on(sandbox, event, with_files=with_files)
                if with_files:
                    synced = time.monotonic()
                if isinstance(event, Ended | Failed):
                    return
        finally:
            stop_all([process])

    def _blamed(self, failed: Failed) -> Failed:
        """A full disk is this host's, not the client's whose folder stands in what the job says."""
        full = DiskFull.at(self.host, str(self.store.root), failed.message)
        return failed.model_copy(update={"message": str(full)})

    def _pass_on(self, sandbox: Sandbox, event: Event, *, with_files: bool) -> None:
        told = EVENT.validate_python(told_here(event.model_dump_json(), sandbox.names))
        if isinstance(event, Failed) and event.cause == "disk":
            told = self._blamed(event)
        if not with_files:
            self._send(Happened, event=told)
            return
        files, removed = sandbox.changes()
        log = sandbox.kept_log() if isinstance(event, Ended | Failed) else None
        self._send(Happened, event=told, files=files, removed=removed, log=log)

    def _send(self, kind: type[Message], **values: Any) -> None:
        said = kind(job=self.parcel.job.name, attempt=self._id, number=self._number, **values)
        self._number += 1
        self.tell(said.model_dump_json())
