"""A host, or the client, whose disk is full: one line says whose, and nothing is left of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fbdeploy.cluster.connection import Cluster, joined
from fbdeploy.cluster.plan import read_plan
from tests.fbdeploy.cluster.listening import job, run
from tests.fbdeploy.cluster.namespaces import small_disk
from tests.fbdeploy.cluster.processes import cluster_processes, host_table

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounts: not root"
)
MEGABYTES = 6
ADVICE = "(No space left on device); free it there, or name another cache in the plan"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with cluster_processes(folder, host_table(folder, "lab1"), secured=False) as found:
        found.started("scheduler")
        found.start("lab1", small_disk(folder / "lab1", MEGABYTES)).wait_for("joined")
        with joined(read_plan(found.plan)) as cluster:
            yield cluster


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    photos.mkdir()
    return photos


def fits(cluster: Cluster, tmp_path: Path) -> bool:
    """Whether a job of two megabytes works on the host."""
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "1.txt").write_bytes(os.urandom(600_000).hex().encode())
    (tmp_path / "small").mkdir()
    arguments = {"name": "n", "request": {"data": str(tmp_path / "few")}}
    outcome = run(
        cluster, tmp_path / "small", [job("copy", tmp_path / "small", arguments=arguments)]
    )
    return list(outcome.ended) == ["copy"]


def test_the_clients_disk_is_full(cluster: Cluster, tmp_path: Path, photos: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (photos / "1.txt").write_text("x" * 300_000)
    arguments = {"name": "n", "request": {"data": str(photos)}}
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", out], check=True)
    try:
        outcome = run(cluster, out, [job("copy", out, arguments=arguments)])
        failed = outcome.failed["copy"]
        reason = "(No space left on device); choose another --output or free it"
        assert failed.message == f"{out}: cannot be written {reason}"
        assert failed.cause == "disk"
        assert not [path for path in out.rglob("*") if path.is_file()]
    finally:
        subprocess.run(["umount", out], check=True)


def test_what_is_sent_does_not_fit(cluster: Cluster, tmp_path: Path, photos: Path) -> None:
    (photos / "1.txt").write_bytes(os.urandom(4 << 20).hex().encode())
    arguments = {"name": "n", "request": {"data": str(photos)}}
    outcome = run(cluster, tmp_path, [job("copy", tmp_path, arguments=arguments)])
    cache = cluster.plan.host("lab1").cache
    failed = outcome.failed["copy"]
    assert failed.message == f"lab1: {cache}: cannot be written {ADVICE}"
    assert failed.cause == "disk", "it ends the command"
    assert not (tmp_path / "made").exists()
    assert fits(cluster, tmp_path), "what did not fit does not fill the disk"


def test_what_a_job_makes_does_not_fit(cluster: Cluster, tmp_path: Path) -> None:
    outcome = run(cluster, tmp_path, [job("fill", tmp_path)])
    failed = outcome.failed["fill"]
    assert failed.cause == "disk" and "No space left on device" in failed.message
    assert failed.message.startswith(f"lab1: {cluster.plan.host('lab1').cache}: cannot be written")
    assert failed.message.endswith("free it there, or name another cache in the plan")
    assert not (tmp_path / "big").exists()
    assert not list(tmp_path.rglob(".*"))
