"""Dask distributed as we use it: its settings, its security, and that it is there at all."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fbdeploy.cluster.identity import Identity
from fbdeploy.cluster.plan import ClusterPlan
from zoo.errors import InputError, reason_of

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security

CONNECT_SECONDS = 15
GREETING_HEAD = 8
LONGEST_GREETING = 1 << 20
"""A scheduler speaks first: the length of what it says, in 8 bytes, the lowest first
(distributed/comm/tcp.py)."""
NO_PAGES = "127.0.0.1:0"
"""Where Dask's web server listens, which cannot be left out; it serves nothing."""
PLENTY = 1e9
"""Of a resource that says what a worker is, not how much it has."""
CORES, MEMORY = "cores", "memory"
"""Resources of a worker for computing: threads, and bytes."""
SETTINGS: dict[str, Any] = {
    # Whoever gave a job gives it again (runner.MOST_LOSSES).
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    # Nobody looks at these.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # Jobs are hours long and their results are files: nothing is moved or spilled.
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.terminate": False,
    # The profiler looks at every thread 100 times a second.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    # The client has a level of its own, which would stay as it is.
    "distributed.logging": dict.fromkeys(
        ("distributed", "distributed.client", "tornado"), "critical"
    ),
}


@contextmanager
def needs_cluster() -> Iterator[None]:
    """Turn the lack of a package of the extra ``cluster`` into the line that brings it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(
            f"a cluster needs {error.name}, which is not installed; "
            "pip install 'fbdeploy[cluster]' brings it"
        ) from error


def configure() -> None:
    """Set Dask up for this process; what the user's environment sets goes before.

    Raises:
        InputError: the extra ``cluster`` is not installed.
    """
    with needs_cluster():
        import dask.config
    # Before distributed is imported, which sets logging up then.
    dask.config.set(SETTINGS)
    dask.config.update(dask.config.config, dask.config.collect_env())
    with needs_cluster():
        import distributed  # noqa: F401


def code_resource(identity: Identity) -> str:
    """What workers have that run the same code as whoever asks for it."""
    return f"code:{identity.digest}"


def host_resource(name: str) -> str:
    """What the workers of one host have."""
    return f"host:{name}"


def device_resource(address: str) -> str:
    """What the worker of one device has, once."""
    return f"device:{address}"


def until_asked() -> asyncio.Event:
    """Set when SIGINT or SIGTERM asks this process to end; called in its event loop."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, asked.set)
    return asked


def security(plan: ClusterPlan) -> Security | None:
    """What a member of the cluster shows and asks for; None for plain TCP on loopback.

    Raises:
        InputError: the keys are missing or are none.
    """
    if plan.keys is None:
        return None
    from distributed.security import Security

    from fbdeploy.cluster.keys import CA, CERTIFICATE, KEY, check_keys

    check_keys(plan.keys)
    names = {
        f"tls_{role}_{what}": str(plan.keys / name)
        for role in ("scheduler", "worker", "client")
        for what, name in (("cert", CERTIFICATE), ("key", KEY))
    }
    return Security(tls_ca_file=str(plan.keys / CA), require_encryption=True, **names)


def say(text: str) -> None:
    """Tell whoever watches a line, at once."""
    print(text, file=sys.stderr, flush=True)


def _knock(plan: ClusterPlan, guard: Security | None) -> None:
    """Say at once what Dask would find out after many tries, or never.

    Raises:
        InputError: nobody listens or answers, or whoever does is no scheduler or has other keys.
    """
    place = plan.address.partition("://")[2]
    host, _, port = place.rpartition(":")
    name = host.strip("[]")
    try:
        with socket.create_connection((name, int(port)), CONNECT_SECONDS) as plain:
            if guard is None:
                told = plain.recv(GREETING_HEAD, socket.MSG_WAITALL)
            else:
                context = guard.get_connection_args("client")["ssl_context"]
                with context.wrap_socket(plain, server_hostname=name) as secured:
                    told = secured.recv(GREETING_HEAD)
    except ssl.SSLError as error:
        if error.reason == "WRONG_VERSION_NUMBER":  # it does not speak TLS
            raise _no_scheduler(plan, error.reason) from error
        raise InputError(
            f"{plan.address}: the scheduler there has other keys than {plan.keys} "
            f"({error.reason or reason_of(error)}); copy the cluster's"
        ) from error
    except OSError as error:
        raise InputError(
            f"{plan.address}: no scheduler answers there ({reason_of(error)}); "
            "start it with 'fbdeploy cluster scheduler'"
        ) from error
    if not 0 < int.from_bytes(told, "little") < LONGEST_GREETING:
        raise _no_scheduler(plan, f"it says {told!r}" if told else "it ends the connection")


def _no_scheduler(plan: ClusterPlan, reason: str) -> InputError:
    return InputError(
        f"{plan.address}: what answers there is no scheduler ({reason}); "
        "start one with 'fbdeploy cluster scheduler'"
    )


@contextmanager
def connected(plan: ClusterPlan) -> Iterator[Client]:
    """A connection to the plan's scheduler.

    Raises:
        InputError: it cannot be reached, the keys are none, or the extra ``cluster`` is not
            installed.
    """
    configure()
    from distributed import Client

    guard = security(plan)
    _knock(plan, guard)
    try:
        client = Client(plan.address, security=guard, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise _no_scheduler(plan, reason_of(error)) from error
    try:
        yield client
    finally:
        client.close(timeout=2)
