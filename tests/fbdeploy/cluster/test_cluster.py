"""A scheduler and two hosts with certificates, as processes: jobs, files, devices, and losses."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fbdeploy.cluster import status
from fbdeploy.cluster.connection import Cluster, joined
from fbdeploy.cluster.lost import ClusterLost
from fbdeploy.cluster.plan import read_plan
from fbdeploy.pipeline.workers.jobs import Ended, Event, Job, Result
from fbdeploy.records.hosts import work_below
from tests.fbdeploy.cluster.listening import Heard, job, run
from tests.fbdeploy.cluster.processes import (
    ROOT,
    ClusterProcesses,
    cluster_processes,
    fbdeploy,
    has_ended,
    host_table,
)
from zoo.errors import InputError

WAIT_SECONDS = 4.0
DEVICES = 'devices = ["adb://one", "adb://two"]\n'


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcesses]:
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "srv").mkdir()
    (folder / "srv" / "1.txt").write_text("lies on lab1")
    hosts = host_table(folder, "lab1", DEVICES + f'data = ["{folder / "srv"}"]')
    with cluster_processes(folder, hosts + host_table(folder, "lab2"), secured=True) as found:
        yield found


@pytest.fixture
def running(processes: ClusterProcesses) -> ClusterProcesses:
    """All are there, whatever the last test did to them."""
    for name in ("scheduler", "lab1", "lab2"):
        member = processes.members.get(name)
        if member is None or member.process.poll() is not None:
            processes.start(name)
    for name in ("lab1", "lab2"):
        said = processes.members[name].said()
        processes.members[name].wait_for("joined", times=1 + said.count("is lost"))
    return processes


@pytest.fixture
def cluster(running: ClusterProcesses) -> Iterator[Cluster]:
    with joined(read_plan(running.plan), WAIT_SECONDS) as found:
        yield found


def test_files_go_there_and_come_back(cluster: Cluster, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    (photos / "a").mkdir(parents=True)
    out.mkdir()
    big = "x" * (9 << 20)  # more than one piece
    (photos / "a" / "1.txt").write_text(big)
    (photos / "2.txt").write_text("two")
    heard = Heard()
    data = {"request": {"data": str(photos)}}
    jobs = [job("copy", out, f"copy{i}", arguments={"name": f"n{i}", **data}) for i in range(3)]
    outcome = run(cluster, out, [*jobs, job("crash", out)], heard)
    assert sorted(outcome.ended) == ["copy0", "copy1", "copy2"]
    assert outcome.failed["crash"].message == "the process crashed (SIGABRT)"
    for i in range(3):
        assert (out / "made" / f"n{i}").read_text() == "two" + big
    assert {value["path"] for value in heard.results("Made")} == {
        f"{out}/made/n{i}" for i in range(3)
    }
    assert heard.notes() == [f"made of {photos}"] * 3
    assert (out / "logs" / "copy1.log").read_text() == "copying n1\n"
    assert "last words" in (out / "logs" / "crash.log").read_text()
    sent = cluster.transfer.sent_bytes
    assert sent <= 2 * (len(big) + 2000), "each host gets a file once"
    run(cluster, out, jobs, Heard())
    assert cluster.transfer.sent_bytes - sent < 2000, "only what the first run made"


def test_data_that_lies_on_the_host_is_not_sent(
    cluster: Cluster, running: ClusterProcesses, tmp_path: Path
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    out.mkdir()
    (photos / "1.txt").write_text("lies on lab1")
    arguments = {"name": "n", "request": {"data": str(photos)}}
    heard = Heard()
    run(cluster, out, [job("copy", out, timed=True, arguments=arguments)], heard)
    assert (out / "made" / "n").read_text() == "lies on lab1"
    assert heard.notes() == [f"made of {photos}"]
    assert cluster.transfer.sent_bytes < 300, "the listing alone"


def test_devices_of_one_host_do_not_wait_for_each_other(cluster: Cluster, tmp_path: Path) -> None:
    """Three jobs for one device, and one for another: that one does not stand behind them."""
    tmp_path.joinpath("logs").mkdir()
    times: dict[str, list[float]] = {}

    def react(job: Job, event: Event) -> None:
        if isinstance(event, Result | Ended):
            times.setdefault(job.name, []).append(time.monotonic())

    jobs = [
        job("wait", tmp_path / f"{number}", f"w{number}", device=device, arguments={"seconds": 1.5})
        for number, device in enumerate(["adb://one"] * 2 + ["adb://two"])
    ]
    for number in range(3):
        (tmp_path / f"{number}").mkdir()
    outcome = run(cluster, tmp_path, jobs, Heard(react=react))
    assert len(outcome.ended) == 3
    begin = {name: found[0] for name, found in times.items()}
    end = {name: found[-1] for name, found in times.items()}
    assert begin["w2"] < end["w0"], "two devices work at once"
    assert begin["w1"] > end["w0"] - 0.5, "one device has one job at a time"
    done = [(one.host, one.device, one.jobs) for one in work_below(tmp_path)]
    assert done == [("lab1", "adb://one", 2), ("lab1", "adb://two", 1)]
    assert [one.seconds >= 1.5 * one.jobs for one in work_below(tmp_path)] == [True, True]


def test_devices_nobody_has_are_told_at_once(cluster: Cluster) -> None:
    cluster.check_device("adb://one")
    with pytest.raises(InputError, match=r"adb://three: is at no host of the plan, which has adb"):
        cluster.check_device("adb://three")


def test_a_vital_job_takes_the_others_with_it(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    long = job("wait", tmp_path / "a", "long", arguments={"seconds": 100})
    heard = Heard()
    outcome = run(cluster, tmp_path, [long, job("crash", tmp_path / "a", vital=True)], heard)
    assert list(outcome.failed) == ["crash"] and not outcome.ended
    assert all(has_ended(value["pid"]) for value in heard.results("Begun"))


def test_a_lost_hosts_job_runs_again_elsewhere(
    cluster: Cluster, running: ClusterProcesses, tmp_path: Path
) -> None:
    """What the lost host had handed over counts once; its job's process ends with it."""
    killed: list[str] = []

    def react(job: Job, event: Event) -> None:
        if isinstance(event, Result) and event.kind == "Waits" and not killed:
            killed.append(running.host_of(event.value["pid"]))
            running.members[killed[0]].kill()

    heard = Heard(react=react)
    outcome = run(cluster, tmp_path, [job("wait", tmp_path, arguments={"seconds": 1})], heard)
    assert list(outcome.ended) == ["wait"], outcome.failed
    assert len(heard.results("Begun")) == 1 and len(heard.results("Waited")) == 1
    pids = [value["pid"] for value in heard.results("Waits")]
    assert len(pids) == 2 and has_ended(pids[0])
    other = {"lab1": "lab2", "lab2": "lab1"}[killed[0]]
    assert heard.notes() == [f"wait: {killed[0]} was lost; it runs again on {other}"]
    assert int((tmp_path / "pid").read_text()) == pids[1]


def test_a_job_that_ends_hosts_stops_at_the_second(cluster: Cluster, tmp_path: Path) -> None:
    outcome = run(cluster, tmp_path, [job("end_host", tmp_path)])
    assert "it is not run again" in outcome.failed["end_host"].message


def test_a_device_whose_host_is_lost_is_waited_for_and_named(
    cluster: Cluster, running: ClusterProcesses, tmp_path: Path
) -> None:
    running.members["lab1"].kill()
    outcome = run(
        cluster, tmp_path, [job("wait", tmp_path, device="adb://one", arguments={"seconds": 1})]
    )
    expected = f"lab1, which has adb://one, was away for {WAIT_SECONDS:.0f} s"
    assert outcome.failed["wait"].message == expected


def test_a_lost_scheduler_is_one_line_and_hosts_join_again(
    cluster: Cluster, running: ClusterProcesses, tmp_path: Path
) -> None:
    def react(job: Job, event: Event) -> None:
        if isinstance(event, Result) and event.kind == "Waits":
            running.members["scheduler"].kill()

    heard = Heard(react=react)
    with pytest.raises(ClusterLost, match="the scheduler is lost; what is finished is kept"):
        run(cluster, tmp_path, [job("wait", tmp_path, arguments={"seconds": 100})], heard)
    assert has_ended(heard.results("Waits")[0]["pid"])
    running.started("scheduler")
    for name in ("lab1", "lab2"):
        running.members[name].wait_for("joined", times=2)
    with joined(read_plan(running.plan)) as again:
        assert sorted(again.usable) == ["lab1", "lab2"]


def test_a_frozen_host_is_not_waited_for(
    running: ClusterProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not answer, and its connections stay."""
    monkeypatch.setattr(status, "ANSWER_SECONDS", 2)
    running.members["lab2"].process.send_signal(signal.SIGSTOP)
    try:
        with joined(read_plan(running.plan)) as cluster:
            assert cluster.usable == ["lab1"]
    finally:
        running.members["lab2"].process.send_signal(signal.SIGCONT)


def test_a_killed_clients_jobs_end(running: ClusterProcesses, tmp_path: Path) -> None:
    code = f"""
        from pathlib import Path
        from tests.fbdeploy.cluster.test_cluster import *
        folder = Path({str(tmp_path)!r})
        with joined(read_plan(Path({str(running.plan)!r}))) as cluster:
            run(cluster, folder, [job("wait", folder, arguments={{"seconds": 100}})])
    """
    client = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**running.environment, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stderr=(tmp_path / "stderr").open("w"),
    )
    try:
        end = time.monotonic() + 40
        while not (tmp_path / "pid").exists():
            assert time.monotonic() < end and client.poll() is None
            time.sleep(0.05)
    finally:
        client.send_signal(signal.SIGKILL)
        client.wait()
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_a_foreign_certificate_is_turned_away(running: ClusterProcesses, tmp_path: Path) -> None:
    subprocess.run(fbdeploy("cluster", "keys", tmp_path / "keys"), check=True, cwd=ROOT)
    plan = tmp_path / "cluster.toml"
    plan.write_text(running.plan.read_text())
    told = subprocess.run(
        fbdeploy("cluster", "status", plan),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=running.environment,
    )
    assert told.returncode == 2
    assert "the scheduler there has other keys" in told.stderr
    assert told.stderr.count("\n") == 1, told.stderr


def test_other_source_on_a_host_leaves_it_out(running: ClusterProcesses, tmp_path: Path) -> None:
    other = tmp_path / "source"
    for name in ("fbdeploy", "stats", "zoo", "quantize", "export", "runtime_bench", "tasks"):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, other / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "quantize" / "recipe.py").open("a") as stream:
        stream.write("\n# changed\n")
    running.members["lab2"].end()
    try:
        running.start("lab2", root=other).wait_for("joined")
        told = subprocess.run(
            fbdeploy("cluster", "status", running.plan),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=running.environment,
        )
        assert told.returncode == 1
        assert "is left out, other than here: the source of fbdeploy" in told.stdout
        assert told.stdout.count("left out") == 1
        with joined(read_plan(running.plan)) as cluster:
            assert cluster.usable == ["lab1"]
            out = tmp_path / "out"
            out.mkdir()
            arguments = {"name": "n", "request": {"data": str(tmp_path / "none")}}
            (tmp_path / "none").mkdir()
            jobs = [job("copy", out, f"c{i}", arguments=arguments) for i in range(4)]
            outcome = run(cluster, out, jobs)
            assert len(outcome.ended) == 4
        assert not running.left_of_jobs("lab2")
    finally:
        running.members.pop("lab2").end()


def test_nothing_is_left_when_it_ends(running: ClusterProcesses) -> None:
    """Asked to end, each member does, with exit 0 and no word more."""
    pids = [member.process.pid for member in running.members.values()]
    for name in ("lab1", "lab2", "scheduler"):
        member = running.members.pop(name)
        assert member.end() == 0
        assert "Traceback" not in member.said()
    assert all(has_ended(pid, 1) for pid in pids)
