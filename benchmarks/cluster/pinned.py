"""A cluster of this machine's cores, each a host of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fbdeploy.cluster.processes import ClusterProcesses, cluster_processes, host_table


@contextmanager
def pinned_hosts(folder: Path, count: int, more: str = "") -> Iterator[ClusterProcesses]:
    """A scheduler and so many hosts, which have joined; ``more`` is what else their tables of the
    plan say."""
    names = [f"lab{number + 1}" for number in range(count)]
    tables = "".join(host_table(folder, name, more, cores=1) for name in names)
    with cluster_processes(folder, tables, secured=True) as processes:
        processes.started("scheduler")
        for core, name in enumerate(names):
            processes.start(name, ("taskset", "-c", str(core)))
            processes.members[name].wait_for("joined")
        yield processes
