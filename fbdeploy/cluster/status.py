"""What has joined a cluster, beside what its plan says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fbdeploy.cluster import host
from fbdeploy.cluster.engine import connected
from fbdeploy.cluster.identity import HostFacts, Identity, own_identity
from fbdeploy.cluster.plan import ClusterPlan
from zoo.documents import Schema

if TYPE_CHECKING:
    from distributed import Client

ANSWER_SECONDS = 15.0
"""How long a host may take to say what it is; Dask waits minutes for one that is frozen."""


class HostStatus(Schema):
    """One host. ``facts`` is None if it has not joined or does not answer; ``differences`` keep it
    from working for this machine; ``running`` are jobs, ``devices`` those whose workers have
    joined."""

    name: str
    facts: HostFacts | None = None
    differences: tuple[str, ...] = ()
    running: int = 0
    devices: tuple[str, ...] = ()


class ClusterStatus(Schema):
    """A cluster as this machine sees it."""

    scheduler: str
    hosts: tuple[HostStatus, ...]

    @property
    def complete(self) -> bool:
        """Whether every host of the plan has joined with all its devices and may work."""
        return all(
            one.facts is not None
            and not one.differences
            and set(one.devices) == set(one.facts.devices)
            for one in self.hosts
        )


def cluster_status(plan: ClusterPlan) -> ClusterStatus:
    """Ask the scheduler and every host.

    Raises:
        InputError: the scheduler cannot be reached, the keys are none, or the extra ``cluster`` is
            not installed.
    """
    with connected(plan) as client:
        joined = hosts_of(client, own_identity())
    absent = [HostStatus(name=one.name) for one in plan.hosts if one.name not in joined]
    return ClusterStatus(scheduler=plan.address, hosts=(*joined.values(), *absent))


def notes_of(hosts: Mapping[str, HostStatus]) -> list[str]:
    """What a user should know of the hosts that have joined, a line each: who is left out, and
    whose processors may round otherwise than the others'."""
    found = [
        f"{one.name} is left out, other than here: {'; '.join(one.differences)}"
        for one in hosts.values()
        if one.differences
    ]
    models: dict[str, list[str]] = {}
    for name, one in hosts.items():
        if one.facts is not None and not one.differences:
            models.setdefault(one.facts.cpu, []).append(name)
    if len(models) > 1:
        told = ", ".join(f"{' and '.join(names)} {cpu}" for cpu, names in models.items())
        found.append(f"processors differ, and so may last digits of floats: {told}")
    return found


def hosts_of(client: Client, ours: Identity) -> dict[str, HostStatus]:
    """The hosts that have joined and answer, by name."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    processing = client.processing()
    answers: dict[str, HostFacts | None] = {}
    found: dict[str, HostStatus] = {}
    for address, worker in workers.items():
        name = str(worker["name"]).partition(" ")[0]
        if name not in answers:
            answers[name] = _facts_of(client, address)
        facts = answers[name]
        if facts is None:
            continue
        known = found.get(facts.name) or HostStatus(
            name=facts.name,
            facts=facts,
            differences=tuple(facts.identity.differences(ours)),
        )
        devices = known.devices
        if worker["name"] != facts.name:
            devices = (*devices, str(worker["name"]).partition(" ")[2])
        running = known.running + len(processing.get(address, ()))
        found[facts.name] = known.model_copy(update={"running": running, "devices": devices})
    return dict(sorted(found.items()))


def _facts_of(client: Client, address: str) -> HostFacts | None:
    """What the host of a worker says of itself; None if it has gone or is frozen."""
    try:
        answers: dict[str, Any] = client.run(
            host.facts, workers=[address], on_error="return", callback_timeout=ANSWER_SECONDS
        )
    except (TimeoutError, OSError, ValueError):
        return None
    answer = answers.get(address)
    return HostFacts.model_validate_json(answer) if isinstance(answer, str) else None


def summary(found: ClusterStatus) -> str:
    """A table for a terminal."""
    lines = [f"scheduler {found.scheduler}"]
    for one in found.hosts:
        if one.facts is None:
            lines.append(f"{one.name}: has not joined, or does not answer")
            continue
        facts = one.facts
        lines.append(
            f"{one.name}: {facts.cpu}, {facts.cores} cores, {facts.memory / 1e9:.0f} GB, "
            f"{one.running} job(s)"
        )
        for device in facts.devices:
            lines.append(f"  {device}" + ("" if device in one.devices else ": has not joined"))
        if one.differences:
            lines.append(f"  is left out, other than here: {'; '.join(one.differences)}")
    return "\n".join(lines)
