"""A whole ``deploy`` on two hosts without a shared file system, each member killed at a random
moment and the same command given again: the same bytes as on one machine that nobody disturbs."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fbdeploy.pipeline.environment import HOST_VARIABLE
from tests.fbdeploy.cluster.namespaces import Network, network
from tests.fbdeploy.cluster.processes import (
    ROOT,
    ClusterProcesses,
    cluster_processes,
    fbdeploy,
    host_table,
)
from tests.fbdeploy.cluster.same import evaluations, manifest, outputs

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0,
    reason="network namespaces: not root",
)
HOSTS = (f"kill{os.getpid()}a", f"kill{os.getpid()}b")
"""Names that no other test's processes have in their environment."""
VICTIMS = (HOSTS[0], "client", "scheduler", HOSTS[1])
"""Who is killed, one in each part of the deployment; when in it is random."""
LONGEST_WAIT = 5.0
SECONDS = 900.0
COMMAND = ["deploy", "--recipe", "ptq-fast", "--formats", "litert,torchscript"]
COMMAND += ["--precisions", "int8", "--images", "16"]


def jobs_there() -> set[int]:
    """The processes of jobs on the two hosts."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended meanwhile
            variables = path.read_bytes().split(b"\0")
            if any(f"{HOST_VARIABLE}={host}".encode() in variables for host in HOSTS):
                found.add(int(path.parent.name))
    return found


@dataclass
class Finished:
    """What an output folder had finished when it was looked at, and how long that took."""

    artefacts: dict[str, float] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How much that is."""
        return len(self.artefacts) + len(self.lines)

    def look(self, output: Path) -> None:
        """All that was there before is there, as it was: it was not made again."""
        path = output / "manifest.json"
        if path.exists():
            document = json.loads(path.read_text())
            made = [*document["artefacts"], *document["quantizations"].values()]
            now = {entry.get("path", "program"): entry["seconds"] for entry in made}
            assert now.items() >= self.artefacts.items()
            self.artefacts = now
        path = output / "results.jsonl"
        if path.exists():
            lines = path.read_text().rpartition("\n")[0].splitlines()
            assert lines[: len(self.lines)] == self.lines
            self.lines = lines


@dataclass
class Lab:
    """The members, of which whoever was killed is started again."""

    net: Network
    processes: ClusterProcesses
    client: Path

    def start(self, name: str) -> None:
        prefix = [] if name == "scheduler" else self.net.prefix(HOSTS.index(name), self.client)
        self.processes.start(name, prefix)

    def revive(self) -> None:
        for name in ("scheduler", *HOSTS):
            member = self.processes.members.get(name)
            if member is None or member.process.poll() is not None:
                self.start(name)

    def deploy(self, log: Path) -> subprocess.Popen[bytes]:
        command = fbdeploy(*COMMAND, "--output", "there", "--cluster", self.processes.plan)
        with log.open("ab") as said:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=self.client,
                env={**self.processes.environment, "PYTHONPATH": str(ROOT)},
            )


@contextmanager
def lab(folder: Path, client: Path) -> Iterator[Lab]:
    with network(len(HOSTS)) as net:
        tables = "".join(host_table(folder, name) for name in HOSTS)
        with cluster_processes(folder, tables, secured=True, address=net.address) as found:
            yield Lab(net, found, client)


def test_the_same_bytes_whoever_is_killed(tmp_path: Path) -> None:
    client, log = tmp_path / "client", tmp_path / "client.log"
    client.mkdir()
    there, finished, rng = client / "there", Finished(), random.Random(2026)
    with lab(tmp_path / "lab", client) as members:
        one = subprocess.run(
            fbdeploy(*COMMAND, "--output", "here"),
            capture_output=True,
            text=True,
            cwd=client,
            env={**members.processes.environment, "PYTHONPATH": str(ROOT)},
        )
        assert one.returncode == 0, one.stderr
        members.revive()
        victims, end = list(VICTIMS), time.monotonic() + SECONDS
        running, at_last_kill = members.deploy(log), -1
        while running.poll() != 0 or victims:
            assert time.monotonic() < end, log.read_text()
            members.revive()
            if running.poll() is not None:
                assert running.returncode in (0, 1, 2, -9), log.read_text()
                assert not (victims and running.returncode == 0), "it ended before all were killed"
                running = members.deploy(log)
            finished.look(there)
            if not victims or finished.count == at_last_kill or not jobs_there():
                time.sleep(0.1)
                continue
            time.sleep(rng.uniform(0, LONGEST_WAIT))
            finished.look(there)
            at_last_kill = finished.count
            victim = victims.pop(0)
            if victim == "client":
                running.kill()
                running.wait()
            else:
                members.processes.members[victim].kill()
        finished.look(there)
        assert not jobs_there()
    assert "Traceback" not in log.read_text()
    assert not list(client.rglob(".*-partial-*"))
    here = client / "here"
    names = outputs(here)
    assert {"int8/model.tflite", "int8/model.pt"} <= set(names)
    for name in names:
        assert (there / name).read_bytes() == (here / name).read_bytes(), name
    assert manifest(there) == manifest(here)
    assert evaluations(there) == evaluations(here) != []
