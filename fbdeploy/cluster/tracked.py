"""What a client knows of one of its jobs on the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.cluster.messages import Began, Message
from fbdeploy.pipeline.workers.jobs import Job

if TYPE_CHECKING:
    from distributed import Future


@dataclass
class Tracked:
    """A job on its way.

    Attributes:
        job: what runs.
        ticket: its name in the ledger.
        claims: what it takes of a worker.
        folder: the output folder, for the files it makes.
        future: Dask's, of the attempt that is under way; None while the job waits.
        attempt, host, cpu, worker: which that is, and where; ``began`` is when its process did.
        waits_since: since when nobody who could run it is there; None if somebody is.
        heard: what the attempt has said and is not passed on yet, by number; the next to pass on
            is ``expected``.
        is_fetching: whether files of that one are under way.
        tries: how often fetching them has failed.
        kept, kept_before: keys of results that were passed on, of all attempts and of those before.
        packings: how often it was packed in vain.
        losses: hosts that were lost under it; ``lost_host`` is the last.
        done_since: since when Dask says that it has ended.
    """

    job: Job
    ticket: str
    claims: dict[str, float]
    folder: Path
    future: Future | None = None
    attempt: str = ""
    host: str = ""
    cpu: str = ""
    worker: str = ""
    began: float = 0.0
    waits_since: float | None = None
    is_started: bool = False
    expected: int = 0
    heard: dict[int, Message] = field(default_factory=dict)
    is_fetching: bool = False
    tries: int = 0
    kept: set[tuple[str, str]] = field(default_factory=set)
    kept_before: set[tuple[str, str]] = field(default_factory=set)
    packings: int = 0
    losses: int = 0
    lost_host: str = ""
    done_since: float | None = None
    is_stopped: bool = False

    @cached_property
    def kind(self) -> tuple[tuple[str, float], ...]:
        """Equal for jobs of which none can be placed if one cannot."""
        return tuple(sorted(self.claims.items()))

    def begin(self, began: Began) -> None:
        """A host has taken it."""
        self.attempt, self.worker = began.attempt, began.worker
        self.host, self.cpu = began.host, began.cpu
        self.expected, self.heard, self.is_fetching, self.tries = 0, {}, False, 0
        self.kept_before |= self.kept
        self.is_stopped = False

    def wait(self) -> None:
        """It waits for a host again."""
        self.future, self.attempt = None, ""
        self.heard, self.is_fetching, self.done_since = {}, False, None
