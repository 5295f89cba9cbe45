"""Who may run what: claims on hosts, being alone on one, and what differs there."""

from __future__ import annotations

import threading
import time

from benchmarks.cluster import simulate
from fbdeploy.api.scoring_parts import ScoreRequest
from fbdeploy.cluster.claims import Claims, can_run
from fbdeploy.cluster.gate import Gate
from fbdeploy.cluster.identity import HostFacts, Identity, own_identity
from fbdeploy.cluster.ledger import Ledger
from fbdeploy.cluster.paths import OUTSIDE, WITHIN, told_here
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.workers.jobs import Job
from fbdeploy.sweep.measuring import MeasureArguments
from fbdeploy.sweep.plan import TargetPlan

OURS = Identity(code="c", python="3.11.7", machine="x86_64", versions={"torch": "2.14.1"})


def facts(name: str, cores: int, memory: int) -> HostFacts:
    return HostFacts(
        name=name, hostname=name, cpu="cpu", cores=cores, memory=memory, devices=(), identity=OURS
    )


def job(**more: object) -> Job:
    return Job(name="j", title="j", function="m:f", arguments={}, memory=8000, **more)


def test_each_host_can_run_an_exclusive_job_and_a_large_one_several() -> None:
    claims = Claims.among([facts("a", 4, 5000), facts("b", 16, 9000)], OURS, "b", None)
    assert claims.threads(job()) == 2
    assert claims.threads(job(exclusive=True)) == 4
    assert claims.threads(job(exclusive=True, timed=True)) == 16
    assert claims.of(job(exclusive=True))["cores"] == 4
    assert claims.of(job())["memory"] == 5000, "one job always fits"
    small = {"cores": 4, "memory": 5000, f"code:{OURS.digest}": 1e9, "host:a": 1e9}
    assert can_run(claims.of(job(exclusive=True)), small)
    assert not can_run(claims.of(job(exclusive=True, timed=True)), small)
    assert not can_run(claims.of(job(device="adb://x")), small)
    assert not can_run(claims.of(job()), {**small, f"code:{OURS.digest}": 0})


def test_what_differs_is_named() -> None:
    other = OURS.model_copy(
        update={"code": "d", "python": "3.12.1", "versions": {"torch": "2.13.0", "onnx": "1.2"}}
    )
    assert other.differences(OURS) == [
        "the source of fbdeploy",
        "Python (3.12.1 there, 3.11.7 here)",
        "onnx (1.2 there, none here)",
        "torch (2.13.0 there, 2.14.1 here)",
    ]
    assert OURS.differences(OURS) == [] and other.digest != OURS.digest
    assert own_identity() == own_identity()


def test_paths_come_back_by_the_clients_names() -> None:
    names = {"/host/s1/out": "out", "/host/s1/out/in": "x", "/host/p": "my photos"}
    event = (
        '{"message": "/host/p/1.jpg: bad; /host/s1/out/a", "list": [{"n": 1.5, "p": "/host/p"}]}'
    )
    assert told_here(event, names) == {
        "message": "my photos/1.jpg: bad; out/a",
        "list": [{"n": 1.5, "p": "my photos"}],
    }


def test_who_is_timed_is_alone_and_is_not_overtaken() -> None:
    gate, inside, most, order = Gate(), [], [], []

    def go(name: str, alone: bool) -> None:
        with gate.passed(alone=alone, wanted=lambda: True) as passed:
            assert passed
            order.append(name)
            inside.append(name)
            most.append(tuple(inside))
            time.sleep(0.05)
            inside.remove(name)

    threads = []
    for name, alone in (("a", False), ("b", False), ("T", True), ("c", False), ("d", False)):
        threads.append(threading.Thread(target=go, args=(name, alone)))
        threads[-1].start()
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert ("a", "b") in most and ("T",) in most
    assert all(seen == ("T",) for seen in most if "T" in seen)
    assert order[2] == "T"


def test_who_is_not_wanted_any_more_stops_waiting() -> None:
    gate = Gate()
    with gate.passed(alone=True, wanted=lambda: True) as first:
        start = time.monotonic()
        wanted = lambda: time.monotonic() - start < 0.1  # noqa: E731
        with gate.passed(alone=False, wanted=wanted) as second:
            assert first and not second
    with gate.passed(alone=True, wanted=lambda: True) as third:
        assert third


def test_every_path_a_job_names_is_known() -> None:
    """A field that is added to what jobs are asked with, and holds a path, has to be told of."""
    owners = {"request": DeployRequest, "target": TargetPlan, "scoring": ScoreRequest}
    for group, model in owners.items():
        for name, declared in model.model_fields.items():
            if "Path" in str(declared.annotation):
                assert (group, name) in (*WITHIN, *OUTSIDE), f"{group}.{name}"
    assert {keys[0] for keys in WITHIN if len(keys) == 1} >= {"folder"}
    assert "folder" in MeasureArguments.model_fields
    for keys in OUTSIDE:
        assert keys[1] in owners[keys[0]].model_fields


WORKERS = {
    "a": ("one", {"cores": 2.0, "memory": 4e9}),
    "b": ("two", {"cores": 2.0, "memory": 4e9}),
    "a phone": ("one", {"device:adb://x": 1.0}),
}
SHARED, WHOLE = {"cores": 1.0, "memory": 1e9}, {"cores": 2.0, "memory": 1e9}


def test_jobs_go_where_there_is_most_room() -> None:
    ledger = Ledger()
    assert ledger.take("early", SHARED) is None
    ledger.see(WORKERS)
    places = [ledger.take(f"j{number}", SHARED) for number in range(5)]
    assert sorted(places[:2]) == ["a", "b"] and sorted(places[2:4]) == ["a", "b"]
    assert places[4] is None
    ledger.give_back("j1", str(places[1]), SHARED)
    assert ledger.take("j5", SHARED) == places[1]


def test_a_device_has_one_job_at_a_time() -> None:
    ledger = Ledger()
    ledger.see(WORKERS)
    claims = {"device:adb://x": 1.0}
    assert ledger.take("d0", claims) == "a phone" and ledger.take("d1", claims) is None
    assert ledger.take("c", WHOLE) is not None, "it does not wait for the device"


def test_a_job_that_needs_a_whole_host_is_not_starved() -> None:
    ledger = Ledger()
    ledger.see(WORKERS)
    first = [str(ledger.take(f"j{number}", SHARED)) for number in range(4)]
    assert ledger.take("whole", WHOLE) is None
    ledger.give_back("j0", first[0], SHARED)
    ledger.give_back("j1", first[1], SHARED)
    taken = ledger.take("j4", SHARED)
    assert taken is not None and ledger.take("j5", SHARED) is None, "the other is kept"
    kept = ({"a", "b"} - {taken}).pop()
    second = next(number for number in (2, 3) if first[number] == kept)
    ledger.give_back(f"j{second}", kept, SHARED)
    assert ledger.take("whole", WHOLE) == kept


def test_a_lost_hosts_room_is_gone_and_another_is_preferred() -> None:
    ledger, woken = Ledger(), []
    forget = ledger.on_room(lambda: woken.append(1))
    ledger.see(WORKERS)
    assert woken
    assert ledger.take("again", SHARED, avoided="one") == "b"
    ledger.forget("b")
    assert ledger.take("more", SHARED, avoided="one") == "a", "there is no other"
    ledger.give_back("again", "b", SHARED)
    ledger.see({})
    assert ledger.take("none", SHARED) is None
    forget()
    woken.clear()
    ledger.see(WORKERS)
    assert not woken


def test_placing_keeps_a_lab_busy() -> None:
    """Against the least makespan that is possible."""
    lab = simulate.facts(hosts=6, devices=12)
    claims = Claims.among(lab, lab[0].identity, "h0", None)
    asked = simulate.jobs(networks=10, devices=12, speed=1.0)
    assert simulate.ideal(asked, claims, hosts=6) >= 0.85 * simulate.placed(asked, lab, claims)
