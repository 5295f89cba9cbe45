"""Seconds that a job costs beside what it does: on this machine alone, and through a cluster.

    python -m benchmarks.cluster.overhead --output benchmarks/cluster/overhead.json
    python -m benchmarks.cluster.overhead --table benchmarks/cluster/overhead.json

Jobs that do nothing, one alone and ``--together`` of them, of which two run at a time here and
there: by ``LocalRunner``, and by ``ClusterRunner`` over TLS on loopback, in turns. Both start a
process a job. Beside them Dask's own round trip, of a function that does nothing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.cluster.command import Document, main_of
from benchmarks.cluster.jobs import Deaf, job
from fbdeploy.cluster.connection import Cluster, joined
from fbdeploy.cluster.plan import read_plan
from fbdeploy.cluster.runner import ClusterRunner
from fbdeploy.pipeline.workers.local import LocalRunner
from fbdeploy.pipeline.workers.runner import Runner
from tests.fbdeploy.cluster.processes import cluster_processes, host_table

CORES = 2


def timed(run: Callable[[], object]) -> float:
    """Seconds of a call."""
    began = time.monotonic()
    run()
    return time.monotonic() - began


def seconds_of(runner: Runner, folder: Path, count: int) -> float:
    """Seconds a job of so many together."""
    jobs = [job(folder, f"n{number}") for number in range(count)]

    def run() -> None:
        outcome = runner.run(jobs, Deaf())
        assert len(outcome.ended) == count, outcome.failed

    return timed(run) / count


def measure(cluster: Cluster, folder: Path, rounds: int, together: int) -> dict[str, list[float]]:
    """Seconds by way, one a round; the ways take turns in an order that turns round."""
    runners: dict[str, Runner] = {
        "here": LocalRunner(folder / "logs", CORES),
        "cluster": ClusterRunner(cluster, folder / "logs"),
    }
    found: dict[str, list[float]] = {}
    for number in range(rounds + 1):  # the first warms up
        ways = list(runners.items())
        for name, runner in ways if number % 2 else reversed(ways):
            for count in (1, together):
                seconds = seconds_of(runner, folder, count)
                if number:
                    found.setdefault(f"{name}, {count} together", []).append(seconds)
        call = timed(lambda: cluster.client.submit(abs, 1, pure=False).result())
        if number:
            found.setdefault("Dask's round trip", []).append(call)
    return found


def table(document: Document) -> str:
    """Markdown: a way a line."""
    lines = ["| | seconds a job, median | least to most |", "|---|---|---|"]
    for name, seconds in document["seconds"].items():
        span = f"{min(seconds):.3f} to {max(seconds):.3f}"
        lines.append(f"| {name} | {statistics.median(seconds):.3f} | {span} |")
    return "\n".join(lines)


def measured(given: argparse.Namespace) -> Document:
    """Seconds by way, on a cluster of one host."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hosts = host_table(folder, "lab1", cores=CORES)
        with cluster_processes(folder / "lab", hosts, secured=True) as processes:
            processes.started("scheduler")
            processes.started("lab1")
            with joined(read_plan(processes.plan)) as cluster:
                out = folder / "out"
                out.mkdir()
                return {"seconds": measure(cluster, out, given.rounds, given.together)}


def main() -> None:
    """Command line: see the module's docstring."""
    main_of(__doc__, table, measured, rounds=10, together=20)


if __name__ == "__main__":
    main()
