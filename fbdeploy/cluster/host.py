"""``fbdeploy cluster host``: one machine of the cluster, its processors and its devices.

It has one Dask worker for its processors and one for each device, all in this process: a worker
that owns several resources holds back jobs for one while others wait for another (dask/distributed
6136). A worker does nothing itself but starts the job's own process.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fbdeploy.cluster.attempt import Attempt
from fbdeploy.cluster.engine import (
    CORES,
    MEMORY,
    NO_PAGES,
    PLENTY,
    code_resource,
    configure,
    device_resource,
    host_resource,
    security,
    until_asked,
)
from fbdeploy.cluster.gate import Gate
from fbdeploy.cluster.identity import HostFacts, own_facts
from fbdeploy.cluster.messages import Parcel
from fbdeploy.cluster.packing import Packer, listing_of
from fbdeploy.cluster.plan import ClusterPlan, HostPlan, at_home
from fbdeploy.cluster.store import Store
from fbdeploy.pipeline.lock import locked
from zoo.errors import InputError, one_line, reason_of

if TYPE_CHECKING:
    from distributed import Worker

RETRY_SECONDS = 1.0
JOIN_SECONDS = 30.0


@dataclass
class Host:
    """What the jobs on this machine share. ``there`` are folders of photos by their listing."""

    facts: HostFacts
    store: Store
    there: dict[str, Path]
    gate: Gate = field(default_factory=Gate)


_here: Host | None = None
"""That of this process; the functions below are called in it, by name, from elsewhere."""


def run_host(plan: ClusterPlan, name: str, say: Callable[[str], None]) -> None:
    """Be the host ``name`` until SIGINT or SIGTERM; a scheduler that is gone is waited for.

    Args:
        plan: the cluster's.
        name: one of its hosts.
        say: takes lines for whoever watches.

    Raises:
        InputError: there is no such host, its cache or data cannot be used or another host uses the
            cache, the keys are none, or the extra ``cluster`` is not installed.
    """
    global _here
    given = plan.host(name)
    configure()
    guard = security(plan)
    there, files = _data_of(given)
    cache = at_home(given.cache, f"cache of {name}").absolute()
    with locked(cache, another="another cache in the plan"):
        _here = Host(own_facts(given), Store(cache, files, name), there)
        asyncio.run(_serve(plan, _here, guard, say))


def run_parcel(parcel: str, topic: str) -> None:
    """Run a job here; called by Dask in a thread of one of this process's workers.

    Args:
        parcel: JSON of a ``Parcel``.
        topic: of the messages for the client.
    """
    from distributed import get_worker

    worker, here = get_worker(), _this_host()
    key = worker.get_current_task()

    def wanted() -> bool:
        state = worker.state.tasks.get(key)
        return (
            worker.status.name == "running"
            and state is not None
            and state.state in ("executing", "long-running", "resumed")
        )

    Attempt(
        host=here.facts.name,
        cpu=here.facts.cpu,
        worker=worker.address,
        parcel=Parcel.model_validate_json(parcel),
        store=here.store,
        there=here.there,
        gate=here.gate,
        tell=lambda text: worker.log_event(topic, text),
        wanted=wanted,
    ).run()


def facts() -> str:
    """JSON of this host's ``HostFacts``."""
    return _this_host().facts.model_dump_json()


async def put(upload: str, pieces: list[tuple[str, int, bytes, bool]]) -> None:
    """Take pieces of files, each with its file's SHA-256, its offset, and whether it is the last.

    Raises:
        Damaged: a whole file is not what its SHA-256 says.
        DiskFull: nothing more can be written here.
    """
    store = _this_host().store
    for sha256, offset, piece, last in pieces:
        await asyncio.to_thread(store.put, upload, sha256, offset, piece, last)


async def read(pieces: list[tuple[str, int, int]]) -> list[bytes]:
    """Pieces of files that are here, each told by SHA-256, offset and length."""
    store = _this_host().store
    return [await asyncio.to_thread(store.read, *piece) for piece in pieces]


def _this_host() -> Host:
    assert _here is not None, "this process is no host"
    return _here


def _data_of(plan: HostPlan) -> tuple[dict[str, Path], dict[str, Path]]:
    """The folders of photos that lie here, by their listing, and all their files by content."""
    packer, there, files = Packer(), {}, {}
    for given in plan.data:
        folder = at_home(given, f"data of {plan.name}").absolute()
        if not folder.is_dir():
            raise InputError(f"{given}: is no folder; correct data of {plan.name} in the plan")
        entries = packer.entries(folder)
        there[hashlib.sha256(listing_of(entries)).hexdigest()] = folder
        files.update({entry.sha256: folder / entry.path for entry in entries})
    return there, files


def workers_of(facts: HostFacts, scheduler: str, guard: Any, folder: Path) -> list[Worker]:
    """A host's Dask workers, not begun: one for computing, one a device.

    Args:
        facts: the host's.
        scheduler: its address.
        guard: what ``engine.security`` made.
        folder: for files of Dask's own.
    """
    from distributed import Worker

    common = {code_resource(facts.identity): PLENTY, host_resource(facts.name): PLENTY}
    compute = {CORES: facts.cores, MEMORY: facts.memory, **common}
    owned = [(facts.name, facts.cores, compute)]
    owned += [
        (f"{facts.name} {device}", 1, {device_resource(device): 1, **common})
        for device in facts.devices
    ]
    return [
        Worker(
            scheduler,
            name=name,
            nthreads=threads,
            resources=resources,
            memory_limit=0,
            security=guard,
            local_directory=str(folder),
            death_timeout=JOIN_SECONDS,
            dashboard=False,
            dashboard_address=NO_PAGES,
        )
        for name, threads, resources in owned
    ]


async def _serve(plan: ClusterPlan, here: Host, guard: Any, say: Callable[[str], None]) -> None:
    """Join, and join again whenever a worker has ended, until a signal asks to end."""
    asked = until_asked()
    name = here.facts.name
    told = ""
    while not asked.is_set():
        workers = workers_of(here.facts, plan.address, guard, here.store.root)
        try:
            await _unless(asked, asyncio.gather(*workers))
            if not asked.is_set():
                say(f"{name}: joined {plan.address}")
                told = ""
                ends = [asyncio.ensure_future(worker.finished()) for worker in workers]
                await _unless(asked, asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED))
                if not asked.is_set():
                    say(f"{name}: {plan.address} is lost; waiting for it")
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            line = one_line(f"{name}: {_why(error, plan, name)}; trying again")
            if line != told:
                say(line)
                told = line
        finally:
            for worker in workers:
                with suppress(Exception):  # it never began, or its scheduler is gone
                    await worker.close(timeout=2, executor_wait=False)
        with suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), RETRY_SECONDS)


def _why(error: Exception, plan: ClusterPlan, name: str) -> str:
    """What keeps a host out of the cluster."""
    reason = reason_of(error.__cause__ or error)
    if "name taken" in reason:  # or it was this one, and the scheduler has not noticed yet
        return f"{plan.address} has a host {name} already; end one, or name this one otherwise"
    return f"cannot join {plan.address} ({reason})"


async def _unless(asked: asyncio.Event, awaited: Any) -> None:
    """Await, but no longer than until a signal asks to end."""
    task = asyncio.ensure_future(awaited)
    end = asyncio.ensure_future(asked.wait())
    await asyncio.wait([task, end], return_when=asyncio.FIRST_COMPLETED)
    end.cancel()
    if task.done():
        task.result()
    else:
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        task.cancel()
