"""Many hosts and devices: the makespan of sleeping jobs against the least that is possible.

Dask's own scheduler, with the settings, workers and claims that ``fbdeploy cluster`` uses, and as
many workers as a lab of that size has, on loopback. Jobs sleep, ``--speed`` times shorter than the
measured ones, so what Dask needs for each weighs as many times more than it would.

    python -m benchmarks.cluster.simulate --hosts 100 --devices 200
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fbdeploy.cluster.claims import Claims
from fbdeploy.cluster.engine import NO_PAGES, PLENTY, code_resource, configure
from fbdeploy.cluster.host import workers_of
from fbdeploy.cluster.identity import HostFacts, own_identity
from fbdeploy.cluster.ledger import Ledger
from fbdeploy.pipeline.workers.jobs import Job

CORES = 2
PROCESSES = 4
"""That hold the workers."""
SECONDS = {"prepare": 122.0, "export": 40.0, "evaluate": 60.0, "device": 90.0}
"""Of jobs of fbnetv3_b on a host of two cores: range search and corrections, one format's export
and check, 2,000 images, and one network's artefacts on a phone in mode quick."""
SPREAD = 0.3
"""Lengths differ by up to so much of their mean."""
START_SECONDS = 240.0


@dataclass(frozen=True)
class Simulated:
    """A job, and how long it sleeps."""

    job: Job
    seconds: float


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def facts(hosts: int, devices: int) -> list[HostFacts]:
    """So many hosts of two cores, with the devices spread evenly."""
    identity = own_identity()
    owned: list[list[str]] = [[] for _ in range(hosts)]
    for number in range(devices):
        owned[number % hosts].append(f"adb://{number}")
    return [
        HostFacts(
            name=f"h{number}",
            hostname=f"h{number}",
            cpu="simulated",
            cores=CORES,
            memory=16_000_000_000,
            devices=tuple(owned[number]),
            identity=identity,
        )
        for number in range(hosts)
    ]


def jobs(networks: int, devices: int, speed: float) -> list[Simulated]:
    """A sweep's: every network is prepared, exported in five formats, scored, and on each tenth
    device timed."""
    rng = random.Random(1)
    found = []

    def add(name: str, kind: str, **more: Any) -> None:
        job = Job(name=name, title=name, function="m:f", arguments={}, memory=1_200_000_000, **more)
        seconds = SECONDS[kind] * rng.uniform(1 - SPREAD, 1 + SPREAD) / speed
        found.append(Simulated(job, seconds))

    for network in range(networks):
        add(f"prepare-{network}", "prepare", exclusive=True)
        for number in range(5):
            add(f"export-{network}-{number}", "export")
            add(f"evaluate-{network}-{number}", "evaluate")
    for device in range(devices):
        for network in range(networks // 10):
            add(f"device-{device}-{network}", "device", device=f"adb://{device}")
    return found


def ideal(asked: Iterable[Simulated], claims: Claims, hosts: int) -> float:
    """Seconds below which no order of the jobs can come: all cores busy, or the longest device."""
    cores, devices = 0.0, dict[str, float]()
    for one in asked:
        if one.job.device:
            devices[one.job.device] = devices.get(one.job.device, 0.0) + one.seconds
        else:
            cores += one.seconds * claims.threads(one.job)
    return max(cores / (hosts * CORES), *devices.values(), 0.0)


def placed(asked: Iterable[Simulated], lab: list[HostFacts], claims: Claims) -> float:
    """The makespan in seconds if nothing but the jobs took time: what placing alone leaves."""
    ledger = Ledger()
    code = {code_resource(claims.identity): PLENTY}
    workers: dict[str, tuple[str, dict[str, float]]] = {}
    for host in lab:
        own = {"cores": float(host.cores), "memory": float(host.memory), **code}
        workers[host.name] = (host.name, own)
        for device in host.devices:
            workers[f"{host.name} {device}"] = (host.name, {f"device:{device}": 1.0, **code})
    ledger.see(workers)
    waiting = [(one, claims.of(one.job)) for one in asked]
    running: list[tuple[float, int, str, str, dict[str, float]]] = []
    now = 0.0
    while waiting or running:
        refused, left = set[tuple[tuple[str, float], ...]](), []
        for one, asks in waiting:
            kind = tuple(sorted(asks.items()))
            worker = None if kind in refused else ledger.take(one.job.name, asks)
            if worker is None:
                refused.add(kind)
                left.append((one, asks))
                continue
            end = (now + one.seconds, id(one), one.job.name, worker, asks)
            heapq.heappush(running, end)
        waiting = left
        now, _, name, worker, asks = heapq.heappop(running)
        ledger.give_back(name, worker, asks)
    return now


def _hold(address: str, held: list[HostFacts], folder: Path) -> None:
    """Be the workers of these hosts for as long as the scheduler is there."""
    configure()

    async def serve() -> None:
        workers = [w for one in held for w in workers_of(one, address, None, folder)]
        for worker in workers:
            worker.death_timeout = START_SECONDS
        await asyncio.gather(*workers)
        await asyncio.gather(*(worker.finished() for worker in workers))

    asyncio.run(serve())


async def _place_all(client: Any, asked: list[Simulated], claims: Claims) -> None:
    """Give the jobs to workers as ``ClusterRunner`` does."""
    ledger, room = Ledger(), asyncio.Event()
    loop = asyncio.get_running_loop()
    ledger.on_room(lambda: loop.call_soon_threadsafe(room.set))
    found = await client.scheduler.identity(n_workers=-1)
    ledger.see(
        {
            address: (str(worker["name"]).partition(" ")[0], worker["resources"])
            for address, worker in found["workers"].items()
        }
    )
    wanted = {one.job.name: claims.of(one.job) for one in asked}
    waiting, under_way = list(asked), set[asyncio.Task[None]]()

    async def go(one: Simulated, worker: str) -> None:
        kind = one.job.name.partition("-")[0]
        await client.submit(
            _sleep,
            one.seconds,
            key=f"{kind}-{one.job.name}",
            workers=[worker],
            resources=claims.of(one.job),
            pure=False,
        )
        ledger.give_back(one.job.name, worker, claims.of(one.job))

    while waiting:
        room.clear()
        refused = set[tuple[tuple[str, float], ...]]()
        left = []
        for one in waiting:
            asks = wanted[one.job.name]
            kind = tuple(sorted(asks.items()))
            worker = None if kind in refused else ledger.take(one.job.name, asks)
            if worker is None:
                refused.add(kind)
                left.append(one)
            else:
                under_way.add(asyncio.create_task(go(one, worker)))
        waiting = left
        if waiting:
            await room.wait()
    await asyncio.gather(*under_way)


async def _run(hosts: int, devices: int, networks: int, speed: float) -> dict[str, float]:
    from distributed import Client, Scheduler

    lab = facts(hosts, devices)
    claims = Claims.among(lab, lab[0].identity, "h0", None)
    asked = jobs(networks, devices, speed)
    context = multiprocessing.get_context("spawn")
    async with Scheduler(
        host="127.0.0.1", port=0, dashboard=False, dashboard_address=NO_PAGES
    ) as scheduler:
        with tempfile.TemporaryDirectory() as folder:
            holders = [
                context.Process(
                    target=_hold,
                    args=(scheduler.address, lab[number::PROCESSES], Path(folder) / str(number)),
                    daemon=True,
                )
                for number in range(PROCESSES)
            ]
            for holder in holders:
                holder.start()
            try:
                async with Client(scheduler.address, asynchronous=True) as client:
                    await client.wait_for_workers(hosts + devices, timeout=START_SECONDS)
                    start = time.monotonic()
                    await _place_all(client, asked, claims)
                    taken = time.monotonic() - start
            finally:
                for holder in holders:
                    holder.kill()
    least = ideal(asked, claims, hosts)
    return {
        "hosts": hosts,
        "devices": devices,
        "jobs": len(asked),
        "ideal_seconds": least,
        "seconds": taken,
        "share": least / taken,
    }


def main() -> int:
    """Print one JSON document; 1 if the makespan's share of the ideal is below ``--least``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--networks", type=int, default=100)
    parser.add_argument("--speed", type=float, default=20.0)
    parser.add_argument("--least", type=float, default=0.85)
    parser.add_argument(
        "--placing-only", action="store_true", help="no scheduler and no sleep: a calculation"
    )
    given = parser.parse_args()
    if given.placing_only:
        lab = facts(given.hosts, given.devices)
        claims = Claims.among(lab, lab[0].identity, "h0", None)
        asked = jobs(given.networks, given.devices, 1.0)
        least, taken = ideal(asked, claims, given.hosts), placed(asked, lab, claims)
        share = least / taken
        print(json.dumps({"ideal_seconds": least, "seconds": taken, "share": share}, indent=1))
        return 0 if share >= given.least else 1
    configure()
    found = asyncio.run(_run(given.hosts, given.devices, given.networks, given.speed))
    print(json.dumps(found, indent=1))
    return 0 if found["share"] >= given.least else 1


if __name__ == "__main__":
    sys.exit(main())
