"""``cluster.toml``: where the scheduler listens, and what each host has. One file for everybody."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from runtime_bench.targets.address import EmulatedAddress, LocalAddress, parse_target
from zoo.documents import Schema, read_toml, validated
from zoo.errors import InputError

DEFAULT_CACHE = Path("~/.cache/fbdeploy/cluster")
DEFAULT_PORT = 8786
"""What Dask's own scheduler listens on."""
MOST_PORTS = 65535
MOST_CORES = 4096
MOST_GIGABYTES = 100_000
ADVICE = "docs/cluster.md shows one"
ADDRESS = re.compile(
    r"(?P<protocol>tls|tcp)://"
    r"(?P<host>\[[0-9A-Fa-f:]+\]|[\w-]{1,63}(\.[\w-]{1,63})*)(:(?P<port>\d{1,5}))?",
    re.ASCII,
)
"""Labels as long as names of machines may have them (RFC 1035, section 2.3.4)."""


def _without_null(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError(f"{path} holds a null character")
    return path


PlanPath = Annotated[Path, AfterValidator(_without_null)]
Cores = Annotated[int, Field(strict=True, ge=1, le=MOST_CORES)]
"""``true`` is no number."""
Gigabytes = Annotated[float, Field(strict=True, gt=0, le=MOST_GIGABYTES)]


class HostPlan(Schema):
    """What one host gives. What is None is what the machine has.

    ``cores`` are threads of all its jobs together; ``memory_gb`` their resident memory, 1e9 bytes;
    ``devices`` are targets as ``fbdeploy bench`` takes them; ``data`` are folders of photos that
    lie there already; ``cache`` is where files are kept by their content.
    """

    name: str = Field(pattern=r"^[\w.-]{1,64}$")
    cores: Cores | None = None
    memory_gb: Gigabytes | None = None
    devices: tuple[str, ...] = ()
    data: tuple[PlanPath, ...] = ()
    cache: PlanPath = DEFAULT_CACHE

    @field_validator("devices")
    @classmethod
    def _are_devices(cls, devices: tuple[str, ...]) -> tuple[str, ...]:
        for device in devices:
            if isinstance(parse_target(device), LocalAddress | EmulatedAddress):
                raise ValueError(f"{device} is no device; give ssh:// or adb://")
        return devices


class ClusterPlan(Schema):
    """A cluster. ``keys`` is the folder of ``fbdeploy cluster keys``, for ``tls://`` alone.

    ``job_cores`` are the threads of a job that shares its host, None for half of the smallest
    host's cores. ``times_on`` names the host that the target ``local`` means, None for the first.
    """

    scheduler: str
    keys: PlanPath | None = None
    hosts: Annotated[tuple[HostPlan, ...], Field(min_length=1)]
    job_cores: Cores | None = None
    times_on: str | None = None

    @property
    def address(self) -> str:
        """The scheduler's, with its port."""
        match = ADDRESS.fullmatch(self.scheduler)
        assert match is not None
        return f"{match['protocol']}://{match['host']}:{match['port'] or DEFAULT_PORT}"

    @property
    def is_secured(self) -> bool:
        """Whether all traffic is TLS with certificates on both sides."""
        return self.scheduler.startswith("tls://")

    @property
    def timing_host(self) -> str:
        """The host on which the target ``local`` is timed."""
        return self.times_on or self.hosts[0].name

    def host(self, name: str) -> HostPlan:
        """The host of that name.

        Raises:
            InputError: there is none.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise InputError(f"{name}: is no host of the plan, which has {known}; correct --name")

    def owner(self, device: str) -> HostPlan | None:
        """The host that a device is at."""
        return next((host for host in self.hosts if device in host.devices), None)


def read_plan(path: Path) -> ClusterPlan:
    """The plan of a TOML file; the folder of its keys is relative to the file.

    Raises:
        InputError: the file cannot be read or is no TOML; a key is unknown, missing or wrong; a
            name or device is there twice; traffic would leave the machine without TLS.
    """
    plan = validated(ClusterPlan, read_toml(path, ADVICE), str(path), ADVICE)
    match = ADDRESS.fullmatch(plan.scheduler)
    if match is None or not _is_place(match["host"], int(match["port"] or DEFAULT_PORT)):
        raise InputError(f"{path}: scheduler: '{plan.scheduler}' is not tls://HOST:PORT; {ADVICE}")
    if match["protocol"] == "tcp" and not _is_loopback(match["host"]):
        raise InputError(
            f"{path}: scheduler: {plan.scheduler} sends jobs in the clear; "
            "give tls:// and keys from 'fbdeploy cluster keys'"
        )
    if plan.is_secured and plan.keys is None:
        raise InputError(f"{path}: keys is missing; name the folder of 'fbdeploy cluster keys'")
    if not plan.is_secured and plan.keys is not None:
        raise InputError(f"{path}: keys: tcp:// uses none; leave them out or give tls://")
    _check_unique(path, "hosts", [host.name for host in plan.hosts], str)
    devices = [device for host in plan.hosts for device in host.devices]
    _check_unique(path, "devices", devices, parse_target)
    if plan.times_on is not None and plan.times_on not in {host.name for host in plan.hosts}:
        raise InputError(f"{path}: times_on: '{plan.times_on}' is no host of the plan; correct it")
    if plan.keys is None:
        return plan
    keys = path.parent / at_home(plan.keys, f"{path}: keys")
    return plan.model_copy(update={"keys": keys})


def at_home(path: Path, key: str) -> Path:
    """``path`` with the folder that ``~`` or ``~user`` at its beginning stands for on this machine.

    Raises:
        InputError: there is no such user; ``key`` is where the path stands.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise InputError(f"{key}: {path}: there is no such user here; give a whole path") from error


def _is_place(host: str, port: int) -> bool:
    if host.startswith("["):
        with suppress(ValueError):
            return ip_address(host.strip("[]")).version == 6 and 1 <= port <= MOST_PORTS
        return False
    return 1 <= port <= MOST_PORTS


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_unique(path: Path, key: str, names: list[str], same: Callable[[str], object]) -> None:
    seen: list[object] = []
    for name in names:
        if same(name) in seen:
            raise InputError(f"{path}: {key}: '{name}' is there more than once; leave one out")
        seen.append(same(name))
