"""Hosts, scheduler and client are killed at random moments, and the same command given again."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from tests.fbdeploy.cluster.processes import (
    ROOT,
    ClusterProcesses,
    cluster_processes,
    has_ended,
    host_table,
)
from tests.fbdeploy.cluster.stubborn import names

MEMBERS = ("scheduler", "lab1", "lab2")
WHO = ("lab1", "client", "scheduler", "lab2", "client", "lab1")
"""Who is killed; when is random."""
LONGEST_WAIT = 3.0
SECONDS = 240.0


def _client(cluster: ClusterProcesses, out: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.fbdeploy.cluster.stubborn", cluster.plan, out]
    with log.open("ab") as said, log.with_suffix(".err").open("ab") as errors:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=errors,
            env={**cluster.environment, "PYTHONPATH": str(ROOT)},
        )


def _said(log: Path, kind: str) -> list[str]:
    """What the client has told of one kind; the last line may be cut off."""
    whole = log.read_text().rpartition("\n")[0].splitlines()
    return [line.split()[1] for line in whole if line.startswith(f"{kind} ")]


def test_nothing_finished_is_lost_and_nobody_is_left(tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "client.log"
    out.mkdir()
    log.touch()
    hosts = host_table(tmp_path, "lab1") + host_table(tmp_path, "lab2")
    rng = random.Random(20)
    victims, end = list(WHO), time.monotonic() + SECONDS
    with cluster_processes(tmp_path / "lab", hosts, secured=True) as cluster:
        cluster.started("scheduler")
        for name in MEMBERS[1:]:
            cluster.started(name)
        client = _client(cluster, out, log)
        while not (client.poll() == 0 and not victims):
            assert time.monotonic() < end, log.with_suffix(".err").read_text()
            if client.poll() is not None:
                client = _client(cluster, out, log)
            for name in MEMBERS:
                if cluster.members[name].process.poll() is not None:
                    cluster.start(name)
            begun = len(_said(log, "Waits"))
            while client.poll() is None and len(_said(log, "Waits")) == begun:
                time.sleep(0.05)
                assert time.monotonic() < end, log.with_suffix(".err").read_text()
            if not victims:
                client.wait()
                continue
            time.sleep(rng.uniform(0, LONGEST_WAIT))
            victim = victims.pop(0)
            for name in _said(log, "Made"):
                assert (out / "made" / name).read_text() == name, "told before it is there"
            if victim == "client":
                client.kill()
                client.wait()
            else:
                cluster.members[victim].kill()
        pids = [int(pid) for pid in _said(log, "Waits")]
        made = _said(log, "Made")
        assert all(has_ended(pid) for pid in pids)
    assert {path.name: path.read_text() for path in (out / "made").iterdir()} == {
        name: name for name in names()
    }
    assert len(made) == len(set(made)), "what is finished is not made again"
    assert "Traceback" not in log.with_suffix(".err").read_text()
    assert not [path for path in out.rglob("*") if "-partial-" in path.name]
