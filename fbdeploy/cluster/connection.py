"""A connection to a cluster, and whom of it this machine can work with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fbdeploy.cluster.claims import SHARES, Claims
from fbdeploy.cluster.engine import connected
from fbdeploy.cluster.identity import own_identity
from fbdeploy.cluster.ledger import Ledger
from fbdeploy.cluster.lost import ClusterLost
from fbdeploy.cluster.packing import Packer
from fbdeploy.cluster.plan import ClusterPlan
from fbdeploy.cluster.status import HostStatus, hosts_of, notes_of
from fbdeploy.cluster.transfer import Transfer
from fbdeploy.pipeline.workers.runner import Slots
from runtime_bench.measurement import Device
from zoo.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

DEFAULT_WAIT_SECONDS = 600.0
TRANSFERS = 8
"""Files go to and come from so many hosts at once."""


@dataclass(frozen=True)
class Cluster:
    """A connection to a cluster, and what is common to all runs over it.

    ``wait_seconds`` is how long a job waits for a host that can run it; ``interrupted`` ends all
    runs.
    """

    plan: ClusterPlan
    client: Client
    hosts: dict[str, HostStatus]
    claims: Claims
    ledger: Ledger
    packer: Packer
    transfer: Transfer
    pool: ThreadPoolExecutor
    wait_seconds: float
    interrupted: threading.Event = field(default_factory=threading.Event)

    @property
    def at_once(self) -> int:
        """How many deployments keep the hosts busy: some steps of one are a single job."""
        return SHARES * len(self.usable)

    @property
    def usable(self) -> list[str]:
        """The hosts that run this machine's code, by name."""
        return [name for name, one in self.hosts.items() if not one.differences]

    @property
    def timed_on(self) -> Device | None:
        """The machine on which times are taken; None if it is away."""
        host = self.hosts.get(self.plan.timing_host)
        return None if host is None or host.facts is None else host.facts.device

    def slots(self, threads: int) -> Slots:
        """How many jobs of so many threads the hosts run at once: shared ones, unless those have
        fewer threads."""
        exclusive = threads > self.claims.shared_cores
        each = self.claims.exclusive_cores if exclusive else self.claims.shared_cores
        facts = (self.hosts[name].facts for name in self.usable)
        return Slots(sum(one.cores // each for one in facts if one is not None), exclusive)

    def notes(self) -> list[str]:
        """What the user should know of the hosts, a line each."""
        return notes_of(self.hosts)

    def workers(self) -> dict[str, dict[str, float]]:
        """The resources of each Dask worker that is there, by address; the ledger learns them.

        Raises:
            ClusterLost: the scheduler is gone.
        """
        try:
            found = self.client.scheduler_info(n_workers=-1)["workers"]
        except Exception as error:  # whatever Dask says of a scheduler that is not there
            raise ClusterLost(self.plan.address) from error
        if self.client.status != "running":
            raise ClusterLost(self.plan.address)
        workers = {
            address: (str(worker["name"]).partition(" ")[0], worker["resources"])
            for address, worker in found.items()
        }
        self.ledger.see(workers)
        return {address: resources for address, (_, resources) in workers.items()}

    def check_device(self, address: str) -> None:
        """Refuse a device that nobody has.

        Raises:
            InputError: no host of the plan has it, or its host has not joined, or without it.
        """
        owner = self.plan.owner(address)
        if owner is None:
            known = [device for one in self.plan.hosts for device in one.devices]
            raise InputError(
                f"{address}: is at no host of the plan, which has {', '.join(known) or 'none'}; "
                "add it to a host's devices"
            )
        found = self.hosts.get(owner.name)
        if found is not None and address not in found.devices:
            raise InputError(
                f"{address}: its host {owner.name} has joined without it; start it again with "
                "this plan"
            )
        if found is None:
            raise InputError(
                f"{address}: its host {owner.name} has not joined; start it with "
                f"'fbdeploy cluster host PLAN --name {owner.name}'"
            )
        if found.differences:
            raise InputError(
                f"{address}: its host {owner.name} is other than here: "
                f"{'; '.join(found.differences)}; install the same there"
            )


@contextmanager
def joined(plan: ClusterPlan, wait_seconds: float = DEFAULT_WAIT_SECONDS) -> Iterator[Cluster]:
    """A connection to the plan's cluster.

    Raises:
        InputError: the scheduler cannot be reached, the keys are none, the extra ``cluster`` is not
            installed, or no host runs this machine's code.
    """
    with connected(plan) as client:
        ours = own_identity()
        hosts = hosts_of(client, ours)
        usable = [one.facts for one in hosts.values() if one.facts and not one.differences]
        if not usable:
            if not hosts:
                raise InputError(
                    f"{plan.address}: no host has joined; "
                    "start one with 'fbdeploy cluster host PLAN --name NAME'"
                )
            name, one = next(iter(hosts.items()))
            raise InputError(
                f"{plan.address}: every host is other than here, such as {name}: "
                f"{'; '.join(one.differences)}; install the same there"
            )
        claims = Claims.among(usable, ours, plan.timing_host, plan.job_cores)
        packer = Packer()
        pool = ThreadPoolExecutor(TRANSFERS, thread_name_prefix="transfer")
        try:
            yield Cluster(
                plan,
                client,
                hosts,
                claims,
                Ledger(),
                packer,
                Transfer(client, packer),
                pool,
                wait_seconds,
            )
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
