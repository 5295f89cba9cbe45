"""The commands on two hosts without a shared file system: the same bytes as on one machine."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

import pytest

from fbdeploy.cluster.connection import joined
from fbdeploy.cluster.plan import read_plan
from fbdeploy.pipeline.environment import cpu_model
from fbdeploy.pipeline.workers.jobs import Event, Job, Result
from tests.fbdeploy.cluster.listening import Heard, job, run
from tests.fbdeploy.cluster.namespaces import Network, network
from tests.fbdeploy.cluster.processes import (
    ROOT,
    ClusterProcesses,
    cluster_processes,
    fbdeploy,
    host_table,
)
from tests.fbdeploy.cluster.same import evaluations, manifest, outputs, same

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0,
    reason="network namespaces: not root",
)
HOSTS = ("lab1", "lab2")
TINY = ["--networks", "default", "--recipes", "ptq-fast", "--formats", "onnx"]
TINY += ["--precisions", "int8", "--images", "64"]


@pytest.fixture(scope="module")
def lab(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Network, ClusterProcesses, Path]]:
    folder = tmp_path_factory.mktemp("lab")
    client = tmp_path_factory.mktemp("client")
    with network(2) as net:
        hosts = host_table(folder, "lab1") + host_table(folder, "lab2")
        with cluster_processes(folder, hosts, secured=True, address=net.address) as found:
            found.start("scheduler")
            for number, name in enumerate(HOSTS):
                found.start(name, net.prefix(number, client))
            for name in HOSTS:
                found.members[name].wait_for("joined")
            yield net, found, client


def test_a_sweep_makes_the_same_bytes(lab: tuple[Network, ClusterProcesses, Path]) -> None:
    """Artefacts, programs, answers and figures, all but times."""
    _, processes, client = lab
    here, there = client / "here", client / "there"
    environment = {**processes.environment, "OMP_NUM_THREADS": "1"}
    for output, more in ((here, []), (there, ["--cluster", processes.plan])):
        told = subprocess.run(
            fbdeploy("sweep", *TINY, "--output", output, *more),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        assert told.returncode == 0, told.stderr
    names = outputs(here)
    assert any(name.endswith("int8/model.onnx") for name in names)
    for name in names:
        assert (there / name).read_bytes() == (here / name).read_bytes(), name
    assert evaluations(there) == evaluations(here) != []
    network = "networks/default/ptq-fast"
    assert manifest(there / network) == manifest(here / network)
    timed = [one for one in map(json.loads, (there / "results.jsonl").read_text().splitlines())]
    assert "Who did what" not in (here / "report.html").read_text()
    for page in (there / "report.html", there / "networks/default/ptq-fast/report.html"):
        text = page.read_text()
        table = text[text.index("Who did what") :].partition("</table>")[0]
        hosts = re.findall(r'<th scope="row">(\w+)</th><td data-label="Processor">([^<]+)', table)
        assert hosts == [(name, escape(cpu_model(), quote=False)) for name, _ in hosts] != []
    latencies = [one for one in timed if one["type"] == "latency"]
    assert {(one["host"], one["device"]["cpu"]) for one in latencies} == {(HOSTS[0], cpu_model())}
    assert f"local ({HOSTS[0]}, {cpu_model()}), 1 thread(s)" in told.stdout
    for name in HOSTS:
        assert not processes.left_of_jobs(name)


def documented() -> list[list[str]]:
    """The command lines of docs/cluster.md, without the program's name."""
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    return [shlex.split(line)[1:] for line in re.findall(r"\$ (fbdeploy .*)", page)]


SPREAD = ("evaluate", "sensitivity")


def test_what_is_spread_over_hosts_gives_the_same_figures(
    lab: tuple[Network, ClusterProcesses, Path],
) -> None:
    """Images or layers are, as docs/cluster.md shows; every host has two shares, one a core."""
    _, processes, client = lab
    made = client / "here" / "networks" / "default" / "ptq-fast"
    names = {"out/int8/model.onnx": made / "int8" / "model.onnx"}
    commands = [command for command in documented() if command[0] in SPREAD]
    assert len(commands) == len(SPREAD)
    for *command, option, _ in commands:
        found = []
        for more in ([], [option, processes.plan]):
            told = subprocess.run(
                fbdeploy(*(names.get(one, one) for one in command), "--json", *more),
                capture_output=True,
                text=True,
                cwd=ROOT,
                env={**processes.environment, "FBDEPLOY_CACHE": str(client / "cache")},
            )
            assert told.returncode == 0, told.stderr
            found.append(same(json.loads(told.stdout)))
        assert found[0] == found[1]
        assert told.stderr.count("of 4: ") == 4, told.stderr
        for name in HOSTS:
            assert f"{name} ({cpu_model()}): " in told.stderr


def test_what_the_page_shows_runs(lab: tuple[Network, ClusterProcesses, Path]) -> None:
    """The other commands of docs/cluster.md; there is no phone here, which is told at once."""
    _, processes, client = lab
    made = client / "there" / "networks" / "default" / "ptq-fast"
    names = {"cluster.toml": processes.plan, "keys": client / "keys", "out": made}
    seen = []
    for command in documented():
        kind = command[1] if command[0] == "cluster" else command[0]
        if kind in SPREAD:
            continue
        seen.append(kind)
        arguments = [*command[:2], *(names.get(one, one) for one in command[2:])]
        if kind in ("scheduler", "host"):
            name = command[-1] if kind == "host" else kind
            running = processes.members[name].process.args
            assert list(map(str, running))[-len(arguments) :] == list(map(str, arguments))
            continue
        told = subprocess.run(
            fbdeploy(*arguments),
            capture_output=True,
            text=True,
            cwd=client,
            env={**processes.environment, "PYTHONPATH": str(ROOT)},
        )
        if kind == "sweep":
            assert told.returncode == 2, told.stderr
            assert "adb://R58M12ABCDE: is at no host of the plan" in told.stderr
        else:
            assert told.returncode == 0, told.stderr
    expected = ["keys", "scheduler", "host", "host", "status", "deploy", "sweep"]
    assert seen == expected
    assert (made / "demo_bundle").is_dir(), "deploy went on from what the sweep had made"


def test_a_cut_link_loses_nothing(lab: tuple[Network, ClusterProcesses, Path]) -> None:
    """The job runs again on the host that can be reached; the other joins again afterwards."""
    net, processes, client = lab
    folder = client / "cut"
    folder.mkdir()
    cut: list[str] = []
    joined_before = {name: processes.members[name].said().count("joined") for name in HOSTS}

    def react(job: Job, event: Event) -> None:
        if isinstance(event, Result) and event.kind == "Waits" and not cut:
            cut.append(processes.host_of(event.value["pid"]))
            net.cut(HOSTS.index(cut[0]))

    heard = Heard(react=react)
    try:
        with joined(read_plan(processes.plan)) as cluster:
            long = job("wait", folder, arguments={"seconds": 600})
            outcome = run(cluster, folder, [long], heard)
    finally:
        for name in cut:
            net.mend(HOSTS.index(name))
    assert list(outcome.ended) == ["wait"], outcome.failed
    assert len(heard.results("Begun")) == 1 and len(heard.results("Waited")) == 1
    other = HOSTS[1 - HOSTS.index(cut[0])]
    assert heard.notes() == [f"wait: {cut[0]} was lost; it runs again on {other}"]
    processes.members[cut[0]].wait_for("joined", times=1 + joined_before[cut[0]])
