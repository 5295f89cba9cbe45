"""Hosts that are as good as other machines: a network of their own each, and no file of the
client's folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Network:
    """A bridge at ``address``, and a namespace for each host."""

    tag: str
    address: str

    def prefix(self, host: int, hidden: Path) -> list[str]:
        """What a command of a host begins with; the folder ``hidden`` is empty there."""
        hide = 'mount -t tmpfs none "$0" && mount -t tmpfs none /dev/shm && exec "$@"'
        namespace = ["ip", "netns", "exec", f"{self.tag}h{host}"]
        return [*namespace, "unshare", "--mount", "sh", "-c", hide, str(hidden)]

    def cut(self, host: int) -> None:
        """Packets of a host are lost from now on; nobody is told."""
        _ip("link", "set", f"{self.tag}v{host}", "nomaster")

    def mend(self, host: int) -> None:
        """They arrive again."""
        _ip("link", "set", f"{self.tag}v{host}", "master", f"{self.tag}b")


def small_disk(folder: Path, megabytes: int) -> list[str]:
    """What a command begins with for which ``folder`` is an empty disk of that size."""
    mount = f'mkdir -p "$0" && mount -t tmpfs -o size={megabytes}m none "$0" && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, str(folder)]


@contextmanager
def network(hosts: int) -> Iterator[Network]:
    """A network of namespaces with so many hosts; needs root."""
    tag = f"f{os.getpid() % 100000}"
    number = os.getpid() % 250
    found = Network(tag, f"10.213.{number}.1")
    try:
        _ip("link", "add", f"{tag}b", "type", "bridge")
        _ip("addr", "add", f"{found.address}/24", "dev", f"{tag}b")
        _ip("link", "set", f"{tag}b", "up")
        for host in range(hosts):
            namespace, ours, theirs = f"{tag}h{host}", f"{tag}v{host}", f"{tag}e{host}"
            _ip("netns", "add", namespace)
            _ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", namespace)
            found.mend(host)
            _ip("link", "set", ours, "up")
            inside = ["netns", "exec", namespace, "ip"]
            _ip(*inside, "addr", "add", f"10.213.{number}.{host + 2}/24", "dev", theirs)
            _ip(*inside, "link", "set", theirs, "up")
            _ip(*inside, "link", "set", "lo", "up")
        yield found
    finally:
        for host in range(hosts):
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "del", f"{tag}h{host}")
        with suppress(subprocess.CalledProcessError):
            _ip("link", "del", f"{tag}b")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
