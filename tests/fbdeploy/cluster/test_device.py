"""An arm64 board with an ssh server that one of two hosts owns, and nobody else can reach."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from export.format_info import FORMAT_INFO
from fbdeploy.cluster.connection import joined
from fbdeploy.cluster.plan import read_plan
from fbdeploy.pipeline.workers.jobs import Job
from fbdeploy.records.hosts import work_below
from fbdeploy.records.manifest import Artefact
from fbdeploy.sweep.measuring import MeasureArguments, measure
from fbdeploy.sweep.plan import TargetPlan
from runtime_bench.measurement import Measurement
from runtime_bench.runners.kit import RunnerKit
from tests.fbdeploy.cluster.listening import Heard, run
from tests.fbdeploy.cluster.processes import cluster_processes, host_table
from tests.fbdeploy.linear import linear_classifier
from tests.runtime_bench.device_fixtures import cache, kit
from tests.runtime_bench.targets.board import SSH_PORT, Board, make_key
from tests.runtime_bench.targets.conftest import board, network
from zoo.files import sha256_of

__all__ = ["board", "cache", "kit", "network"]
TARGET = f"ssh://root@127.0.0.1:{SSH_PORT}"


def _ssh(board: Board, folder: Path) -> Path:
    """A folder with an ``ssh`` that knows the board and its key."""
    key, known, programs = folder / "key", folder / "known_hosts", folder / "programs"
    make_key(key)
    board.authorize(key.with_suffix(".pub"))
    board.start_sshd()
    public = (board.image / "etc/ssh/host_key.pub").read_text()
    known.write_text(f"[127.0.0.1]:{SSH_PORT} {public}")
    programs.mkdir()
    command = [str(board.network.programs / "ssh"), "-F", "none"]
    for option in (f"IdentityFile={key}", "IdentitiesOnly=yes", f"UserKnownHostsFile={known}"):
        command += ["-o", option]
    (programs / "ssh").write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    (programs / "ssh").chmod(0o755)
    return programs


def test_a_board_is_measured_by_the_host_that_owns_it(
    board: Board, kit: RunnerKit, tmp_path: Path
) -> None:
    out, own = tmp_path / "out", tmp_path / "own"
    own.mkdir()
    model = linear_classifier(out / "fp32" / "model.onnx", 1, batch=1)
    entry = Artefact(
        key="k",
        format="onnx",
        precision="fp32",
        path="fp32/model.onnx",
        sha256=sha256_of(model),
        bytes=model.stat().st_size,
        runtime=FORMAT_INFO["onnx"].title,
        runtime_version="",
        seconds=1,
    )
    job = Job.calling(
        measure,
        MeasureArguments(
            folder=out,
            target=TargetPlan(address=TARGET, runners=kit.folder),
            mode="quick",
            threads=(1,),
            artefacts=(entry,),
            sessions={},
        ),
        name="board",
        title="board",
        memory=10**8,
        device=TARGET,
    )
    others = os.environ["PATH"].removeprefix(f"{board.network.programs}:")
    hosts = host_table(tmp_path, "lab1") + host_table(tmp_path, "lab2", f'devices = ["{TARGET}"]\n')
    heard = Heard()
    with cluster_processes(tmp_path / "lab", hosts, secured=False) as found:
        path = f"{_ssh(board, own)}:{others}"
        found.start("scheduler")
        found.start("lab1", PATH=others)
        found.start("lab2", PATH=path)
        for name in ("lab1", "lab2"):
            found.members[name].wait_for("joined")
        with joined(read_plan(found.plan)) as cluster:
            cluster.check_device(TARGET)
            outcome = run(cluster, out, [job], heard)
    assert list(outcome.ended) == ["board"], outcome.failed
    (value,) = heard.results("Measurement")
    measured = Measurement.model_validate(value)
    assert (measured.target, measured.artefact) == (TARGET, "fp32/model.onnx")
    assert measured.host == "lab2"
    assert measured.device.architecture == "aarch64" and measured.latency_ms is not None
    assert measured.note.startswith("outputs equal this machine's")
    assert [(one.host, one.device, one.jobs) for one in work_below(out)] == [("lab2", TARGET, 1)]
