"""Places, names and paths of every kind; and who answers where a scheduler should."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from fbdeploy.cluster import engine
from fbdeploy.cluster.connection import joined
from fbdeploy.cluster.plan import ClusterPlan, HostPlan, read_plan
from runtime_bench.machine.device import describe
from tests.fbdeploy.cluster.listening import Heard, job, run
from tests.fbdeploy.cluster.processes import ClusterProcesses, cluster_processes, host_table
from zoo.errors import InputError

DEVICE = "adb://my%20phone"


def test_ipv6_and_names_that_are_not_ascii(tmp_path: Path) -> None:
    """And a second machine that says it is a host that is there: it is told so, once."""
    lab, out, photos = tmp_path / "my läb", tmp_path / "öut (1)", tmp_path / "phötos 'a' $b"
    for folder in (lab, out, photos):
        folder.mkdir()
    (photos / "ä b.txt").write_text("two")
    table = host_table(lab, "läb1", f'devices = ["{DEVICE}"]')
    with cluster_processes(lab, table, secured=True, address="[::1]") as processes:
        assert "listening at tls://[::1]:" in processes.started("scheduler").said()
        processes.started("läb1")
        plan = lab / "other.toml"
        own = f'cache = "{lab / "läb1"}"'
        plan.write_text(processes.plan.read_text().replace(own, f'cache = "{lab / "two"}"'))
        newer = lab / "newer.toml"
        newer.write_text(
            processes.plan.read_text().replace("devices = [", 'devices = ["adb://new", ')
        )
        second = ClusterProcesses(lab, plan, processes.environment).start("läb1")
        try:
            with joined(read_plan(processes.plan)) as cluster:
                cluster.check_device(DEVICE)
                found = cluster.timed_on
                assert found is not None and found.identity == describe().identity
                told = "its host läb1 has joined without it; start it again with this plan"
                with pytest.raises(InputError, match=told):
                    replace(cluster, plan=read_plan(newer)).check_device("adb://new")
                arguments = {"name": "ñ a", "request": {"data": str(photos)}}
                heard = Heard()
                jobs = [
                    job("copy", out, arguments=arguments),
                    job("slow", out, device=DEVICE, arguments={"name": "d"}),
                ]
                outcome = run(cluster, out, jobs, heard)
            second.wait_for("already; end one, or name this one otherwise; trying again")
        finally:
            code = second.end()
    assert sorted(outcome.ended) == ["copy", "slow"], outcome.failed
    assert (out / "made" / "ñ a").read_text() == "two"
    assert heard.notes() == [f"made of {photos}"]
    assert code == 0 and second.said().count("\n") == 1, second.said()


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "what answers there is no scheduler (it says b'SSH-2.0-')"),
        (b"", "no scheduler answers there (timed out)"),
        (None, "what answers there is no scheduler (it ends the connection)"),
    ],
)
def test_who_answers_is_no_scheduler(
    monkeypatch: pytest.MonkeyPatch, greeting: bytes | None, reason: str
) -> None:
    """It says something else, or nothing, or ends the connection."""
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection = listening.accept()[0]
            with connection:
                if greeting is not None:
                    connection.sendall(greeting)
                    connection.recv(1)  # until the other side has gone

        answering = threading.Thread(target=answer)
        answering.start()
        address = f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        plan = ClusterPlan(scheduler=address, hosts=(HostPlan(name="a"),))
        with pytest.raises(InputError) as raised, engine.connected(plan):
            pass
        answering.join()
    assert str(raised.value).startswith(f"{address}: {reason}; start ")
