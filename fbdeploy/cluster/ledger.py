"""Which worker a job is given to: one that has room for it now, so that it begins at once.

Dask would give every job to a worker as soon as it is told of it, by lengths that it guesses, and
keep their order there: 900 sleeping jobs of a simulated lab took three times as long. Its own count
of resources stays, for jobs of other clients.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fbdeploy.cluster.claims import can_run
from fbdeploy.cluster.engine import CORES


@dataclass
class _Worker:
    host: str
    resources: dict[str, float]
    free: dict[str, float]


class Ledger:
    """What this client's jobs take of the workers; its threads share one.

    A job that needs more cores than any host has free keeps one for itself, which other jobs then
    leave alone until it is empty enough.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: dict[str, _Worker] = {}
        self._having: dict[str, set[str]] = {}
        self._kept: dict[str, str] = {}
        self._waiting: list[Callable[[], None]] = []

    def see(self, workers: Mapping[str, tuple[str, dict[str, float]]]) -> None:
        """Learn who is there: address -> host and resources; what was taken of others is gone."""
        with self._lock:
            is_new = bool(workers.keys() - self._workers.keys())
            for address in self._workers.keys() - workers.keys():
                self._remove(address)
            for address, (host, resources) in workers.items():
                if address not in self._workers:
                    self._workers[address] = _Worker(host, dict(resources), dict(resources))
                    for name in resources:
                        self._having.setdefault(name, set()).add(address)
            self._kept = {job: at for job, at in self._kept.items() if at in self._workers}
        if is_new:
            self._wake()

    def forget(self, address: str) -> None:
        """A worker is gone."""
        with self._lock:
            self._remove(address)

    def take(self, job: str, claims: Mapping[str, float], avoided: str = "") -> str | None:
        """The worker that has room for the job now, if any; of several the emptiest.

        Args:
            job: names it among all of this client's.
            claims: what it takes.
            avoided: a host that gets it only if no other could ever run it.
        """
        with self._lock:
            rarest = min((self._having.get(name, set()) for name in claims), key=len)
            able = {
                address: self._workers[address]
                for address in rarest
                if can_run(claims, self._workers[address].resources)
            }
            able = {at: one for at, one in able.items() if one.host != avoided} or able
            kept = {at for other, at in self._kept.items() if other != job}
            ready = [
                address
                for address, worker in able.items()
                if address not in kept and can_run(claims, worker.free)
            ]
            if ready:
                address = max(ready, key=lambda at: (able[at].free.get(CORES, 0.0), at))
                for name, amount in claims.items():
                    able[address].free[name] -= amount
                self._kept.pop(job, None)
                return address
            if claims.get(CORES, 0.0) > 1 and job not in self._kept:
                left = able.keys() - kept
                if left:
                    self._kept[job] = max(left, key=lambda at: (able[at].free.get(CORES, 0.0), at))
            return None

    def give_back(self, job: str, address: str, claims: Mapping[str, float]) -> None:
        """What the job has taken of a worker is free again, or it does not wait any more."""
        with self._lock:
            self._kept.pop(job, None)
            worker = self._workers.get(address)
            if worker is not None:
                for name, amount in claims.items():
                    worker.free[name] += amount
        self._wake()

    def on_room(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call ``wake`` whenever there may be more room, until the returned function is called."""
        with self._lock:
            self._waiting.append(wake)

        def forget() -> None:
            with self._lock:
                self._waiting.remove(wake)

        return forget

    def _remove(self, address: str) -> None:
        worker = self._workers.pop(address, None)
        for name in () if worker is None else worker.resources:
            self._having[name].discard(address)

    def _wake(self) -> None:
        with self._lock:
            waiting = list(self._waiting)
        for wake in waiting:
            wake()
