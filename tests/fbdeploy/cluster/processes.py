"""A real cluster of processes: a scheduler and hosts, each with a cache of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[3]
START_SECONDS = 150.0
QUICK = {
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "25s",
    "OMP_NUM_THREADS": "1",
}
"""So that a lost host is noticed in seconds; a busy machine needs more for a handshake."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fbdeploy(*arguments: str | Path, env: dict[str, str] | None = None) -> list[str]:
    return [sys.executable, "-P", "-m", "fbdeploy", *map(str, arguments)]


@dataclass
class Member:
    """A process of the cluster; its output goes to a file, since it outlives who reads a pipe."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str, seconds: float = START_SECONDS, times: int = 1) -> None:
        end = time.monotonic() + seconds
        while self.said().count(text) < times:
            assert self.process.poll() is None, f"{self.log.name} ended: {self.said()}"
            assert time.monotonic() < end, f"{self.log.name} did not say '{text}': {self.said()}"
            time.sleep(0.05)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@dataclass
class ClusterProcesses:
    """Its folder, its plan, and who of it runs."""

    folder: Path
    plan: Path
    environment: dict[str, str]
    members: dict[str, Member] = field(default_factory=dict)

    def start(
        self, name: str, prefix: Sequence[str] = (), root: Path = ROOT, **variables: str
    ) -> Member:
        """The scheduler, or a host; ``root`` is the source that it runs."""
        log = self.folder / f"{name}-{time.monotonic_ns()}.log"
        arguments = ["scheduler", self.plan]
        if name != "scheduler":
            arguments = ["host", self.plan, "--name", name]
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [*prefix, *fbdeploy("cluster", *arguments)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**self.environment, "PYTHONPATH": str(root), **variables},
                start_new_session=True,
                cwd=self.folder,
            )
        self.members[name] = Member(process, log)
        return self.members[name]

    def started(self, name: str) -> Member:
        """``start``, and wait until it is there."""
        member = self.start(name)
        member.wait_for("listening" if name == "scheduler" else "joined")
        return member

    def host_of(self, pid: int) -> str:
        """The host that has started a job's process."""
        stat = Path(f"/proc/{pid}/stat").read_text()
        parent = int(stat.rpartition(")")[2].split()[1])
        return next(n for n, one in self.members.items() if one.process.pid == parent)

    def left_of_jobs(self, name: str, seconds: float = 30) -> list[Path]:
        """What a host's jobs have left behind, some time after the last has told its end."""
        end = time.monotonic() + seconds
        while (left := list((self.folder / name / "scratch").iterdir())) and time.monotonic() < end:
            time.sleep(0.05)
        return left

    def stop(self) -> None:
        for member in self.members.values():
            if member.process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    member.end()
        self.members.clear()


@contextmanager
def cluster_processes(
    folder: Path, hosts: str, *, secured: bool, address: str = "127.0.0.1"
) -> Iterator[ClusterProcesses]:
    """A cluster whose plan is written and of which nobody runs yet; all end with it."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **QUICK}
    plan = folder / "cluster.toml"
    head = f'scheduler = "{"tls" if secured else "tcp"}://{address}:{free_port()}"\n'
    if secured:
        subprocess.run(fbdeploy("cluster", "keys", folder / "keys"), check=True, cwd=ROOT)
        head += 'keys = "keys"\n'
    plan.write_text(head + hosts)
    processes = ClusterProcesses(folder, plan, environment)
    try:
        yield processes
    finally:
        processes.stop()


def host_table(folder: Path, name: str, more: str = "", *, cores: int = 2) -> str:
    return f'[[hosts]]\nname = "{name}"\ncores = {cores}\ncache = "{folder / name}"\n{more}\n'


def has_ended(pid: int, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.05)
    return False
