"""What a job takes of the worker that runs it, in Dask's resources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fbdeploy.cluster.engine import (
    CORES,
    MEMORY,
    code_resource,
    device_resource,
    host_resource,
)
from fbdeploy.cluster.identity import HostFacts, Identity
from fbdeploy.pipeline.workers.jobs import Job

SHARES = 2
"""How many jobs share the smallest host unless the plan says otherwise, as on one machine."""


@dataclass(frozen=True)
class Claims:
    """The rule for all jobs of a run.

    An exclusive job has as many threads as the smallest host, so that each can run it and a larger
    one runs several; a timed one is on the timing host, where the host itself keeps others out.
    """

    identity: Identity
    timing_host: str
    exclusive_cores: int
    shared_cores: int
    timing_cores: int
    memory: int

    @classmethod
    def among(
        cls, hosts: Iterable[HostFacts], identity: Identity, timing_host: str, job_cores: int | None
    ) -> Claims:
        """The rule for the hosts that may work."""
        known = list(hosts)
        least = min(host.cores for host in known)
        timing = [host.cores for host in known if host.name == timing_host]
        return cls(
            identity=identity,
            timing_host=timing_host,
            exclusive_cores=least,
            shared_cores=min(least, job_cores or max(1, least // SHARES)),
            timing_cores=timing[0] if timing else least,
            memory=min(host.memory for host in known),
        )

    def threads(self, job: Job) -> int:
        """The threads that a job is given."""
        if job.timed and not job.device:
            return self.timing_cores
        return self.exclusive_cores if job.exclusive else self.shared_cores

    def of(self, job: Job) -> dict[str, float]:
        """The resources that a job takes."""
        code = {code_resource(self.identity): 1.0}
        if job.device:
            return {device_resource(job.device): 1.0, **code}
        place = {host_resource(self.timing_host): 1.0} if job.timed else {}
        return {
            CORES: float(self.threads(job)),
            MEMORY: float(min(job.memory, self.memory)),
            **code,
            **place,
        }


def can_run(claims: Mapping[str, float], resources: Mapping[str, float]) -> bool:
    """Whether a worker with these resources can run a job with these claims at all."""
    return all(resources.get(name, 0.0) >= amount for name, amount in claims.items())
