"""Which code a member of the cluster runs, and on what machine.

Hosts whose source or packages differ from the client's would make other files under the same key,
so they are left out, and what differs is named.
"""

from __future__ import annotations

import platform
import socket

from fbdeploy.cluster.plan import HostPlan
from fbdeploy.pipeline.environment import PACKAGES, cores, cpu_model, memory_bytes
from fbdeploy.pipeline.keys import code_sha256, key_of, versions
from fbdeploy.version import PACKAGES as OURS
from runtime_bench.machine.device import describe
from runtime_bench.measurement import Device
from zoo.documents import Schema

MEMORY_SHARE = 0.9
"""Of a host's memory, for jobs."""


class Identity(Schema):
    """What decides which files a job makes: our source, Python, packages and the architecture."""

    code: str
    python: str
    machine: str
    versions: dict[str, str]

    @property
    def digest(self) -> str:
        """32 hexadecimal digits; equal for members that may work together."""
        return key_of(**self.model_dump())

    def differences(self, other: Identity) -> list[str]:
        """What differs, a few words each: ``other`` is here, this one is there."""
        found = []
        if self.code != other.code:
            found.append("the source of fbdeploy")
        for what, there, here in (
            ("Python", self.python, other.python),
            ("the processor's architecture", self.machine, other.machine),
        ):
            if there != here:
                found.append(f"{what} ({there} there, {here} here)")
        for package in sorted(self.versions.keys() | other.versions.keys()):
            there = self.versions.get(package, "none")
            here = other.versions.get(package, "none")
            if there != here:
                found.append(f"{package} ({there} there, {here} here)")
        return found


class HostFacts(Schema):
    """What a host says of itself; ``hostname`` is the machine's own, ``memory`` is for jobs,
    ``device`` is what measurements on it say."""

    name: str
    hostname: str
    cpu: str
    cores: int
    memory: int
    devices: tuple[str, ...]
    identity: Identity
    device: Device | None = None


def own_identity() -> Identity:
    """That of this process."""
    return Identity(
        code=code_sha256("fbdeploy", *OURS),
        python=platform.python_version(),
        machine=platform.machine(),
        versions=versions(PACKAGES),
    )


def own_facts(plan: HostPlan) -> HostFacts:
    """Those of this machine as the host ``plan``."""
    memory = MEMORY_SHARE * memory_bytes() if plan.memory_gb is None else plan.memory_gb * 1e9
    return HostFacts(
        name=plan.name,
        hostname=socket.gethostname(),
        cpu=cpu_model(),
        cores=plan.cores or cores(),
        memory=int(memory),
        devices=plan.devices,
        identity=own_identity(),
        device=describe(),
    )
