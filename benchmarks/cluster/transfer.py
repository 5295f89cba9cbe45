"""Bytes a second between a client and a host, over TLS through the engine's own connections.

    python -m benchmarks.cluster.transfer --output benchmarks/cluster/transfer.json
    python -m benchmarks.cluster.transfer --table benchmarks/cluster/transfer.json

One large file, and a folder of many files as large as photos, of random bytes that are new in
every round: sent to a host's store and fetched back, and a job that reads the folder when the host
has nothing of it and when it has all. The baseline is a copy on the same disk whose SHA-256 is
taken, as the store does. Client, scheduler and host share this machine's cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.cluster.command import Document, main_of
from benchmarks.cluster.jobs import Deaf, job
from benchmarks.cluster.overhead import timed
from fbdeploy.cluster.connection import Cluster, joined
from fbdeploy.cluster.plan import read_plan
from fbdeploy.cluster.runner import ClusterRunner
from tests.fbdeploy.cluster.processes import cluster_processes, host_table
from zoo.files import sha256_of

PHOTO = 126_000
"""Bytes of a JPEG of ImageNet's validation set, which has 50,000 in 6.3 GB."""
MEGABYTE = 1e6


def write(folder: Path, count: int, size: int) -> Path:
    """A new folder of so many files of random bytes."""
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number:05}").write_bytes(os.urandom(size))
    return folder


def copied(source: Path, target: Path) -> None:
    """Copy a folder and take the SHA-256 of every copy."""
    shutil.copytree(source, target)
    for path in target.iterdir():
        sha256_of(path)


def measure(cluster: Cluster, folder: Path, count: int, size: int) -> dict[str, float]:
    """Seconds of each way for files that nobody has seen."""
    (worker,) = cluster.workers()
    source = write(folder / "source", count, size)
    entries = cluster.packer.entries(source)
    contents = [entry.sha256 for entry in entries]
    found = {
        "copied on this disk": timed(lambda: copied(source, folder / "copy")),
        "sent": timed(lambda: cluster.transfer.send(worker, contents)),
        "fetched": timed(lambda: cluster.transfer.fetch(worker, folder / "fetched", entries, ())),
    }
    for entry in entries:
        assert sha256_of(folder / "fetched" / entry.path) == entry.sha256
    return found


def job_seconds(cluster: Cluster, folder: Path, count: int, size: int) -> dict[str, float]:
    """Seconds of a job that reads nothing, and of one that reads files: new ones, and again."""
    source = write(folder / "data", count, size)
    out = folder / "out"
    out.mkdir()
    runner = ClusterRunner(cluster, out / "logs")
    found = {}
    for name, data in (("no data", None), ("cold", source), ("cached", source)):
        before = cluster.transfer.sent_bytes
        found[f"job, {name}"] = timed(lambda data=data: runner.run([job(out, "n", data)], Deaf()))
        is_sent = cluster.transfer.sent_bytes - before >= count * size
        assert is_sent == (name == "cold"), name
    return found


def table(document: Document) -> str:
    """Markdown: a way a line, a kind of files a column."""
    runs = document["runs"]
    kinds = list(runs)
    lines = [f"| | {' | '.join(kinds)} |", "|---" * (len(kinds) + 1) + "|"]
    for way in runs[kinds[0]][0]["seconds"]:
        cells = []
        for kind in kinds:
            seconds = statistics.median(run["seconds"][way] for run in runs[kind])
            rate = runs[kind][0]["bytes"] / MEGABYTE / seconds
            cells.append(f"{seconds:.2f} s" if way.startswith("job") else f"{rate:.0f} MB/s")
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def measured(given: argparse.Namespace) -> Document:
    """Seconds of each way, for ``--megabytes`` of each kind of files, by kind and round."""
    whole = given.megabytes * 1_000_000
    kinds = {f"1 file of {given.megabytes} MB": (1, whole)}
    kinds[f"{whole // PHOTO:,} files of {PHOTO // 1000} kB"] = (whole // PHOTO, PHOTO)
    runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as name:
        lab = Path(name) / "lab"
        hosts = host_table(lab, "lab1")
        with cluster_processes(lab, hosts, secured=True) as processes:
            processes.started("scheduler")
            processes.started("lab1")
            with joined(read_plan(processes.plan)) as cluster:
                for number in range(given.rounds):
                    for kind, (count, size) in kinds.items():
                        folder = Path(name) / f"{number}-{count}"
                        seconds = measure(cluster, folder, count, size)
                        seconds |= job_seconds(cluster, folder, count, size)
                        shutil.rmtree(folder)
                        runs[kind].append({"bytes": count * size, "seconds": seconds})
    return {"runs": runs}


def main() -> None:
    """Command line: see the module's docstring."""
    main_of(__doc__, table, measured, rounds=3, megabytes=256)


if __name__ == "__main__":
    main()
