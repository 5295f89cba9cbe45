from __future__ import annotations

from fbdeploy.records.conditions import Conditions, conditions_in, latencies_under, place_of
from fbdeploy.records.results import Line
from fbdeploy.records.rows import summarize
from fbdeploy.report.views import conditions_words
from runtime_bench.measurement import Device, Measurement
from tests.fbdeploy.samples import PHONE, on_phone, sample

ONNX, LITERT, PTE = "int8/model.onnx", "int8/model.tflite", "int8/model.pte"
EVERY = {
    f"{precision}/model.{suffix}": 10.0
    for precision in ("fp32", "int8")
    for suffix in ("pte", "pt", "onnx", "tflite")
}


def _targets(lines: list[Line]) -> set[str | None]:
    """Those that rows take their times from."""
    return {row.target for row in summarize(sample()[0], lines) if row.latency_ms is not None}


def _here(lines: list[Line]) -> Device:
    """This machine."""
    return next(line.device for line in lines if isinstance(line, Measurement))


def test_times_of_two_targets_are_never_mixed() -> None:
    _, lines = sample()
    some = on_phone(lines, {ONNX: 0.1, PTE: 0.2})
    assert _targets([*lines, *some]) == {"local"}, "more artefacts have a time here"
    assert _targets([*lines, *on_phone(lines, EVERY)]) == {"adb://P1"}, "as many, and later"
    assert _targets([*on_phone(lines, EVERY), *lines]) == {"local"}


def test_other_devices_threads_and_cores_are_other_conditions() -> None:
    manifest, lines = sample()
    for more in (
        {"target": "local", "device": PHONE},
        {"target": "local", "device": _here(lines), "threads": 4},
        {"cpu_mask": (4, 5)},
        {"kind": "estimated"},
    ):
        other = on_phone(lines, {ONNX: 0.1}, **more)
        assert len(conditions_in(manifest, [*lines, *other])) == 2, more
        (found,) = (row for row in summarize(manifest, [*lines, *other]) if row.path == ONNX)
        assert found.latency_ms is not None and found.latency_ms.p50 == 1.63
    renewed = on_phone(lines, {ONNX: 0.1}, target="local", device=_here(lines))
    assert len(conditions_in(manifest, [*lines, *renewed])) == 1, "a newer session is no other"
    system = _here(lines).model_copy(update={"kernel": "newer"})
    updated = on_phone(lines, {ONNX: 0.1}, target="local", device=system)
    assert len(conditions_in(manifest, [*lines, *updated])) == 1


def test_the_host_that_timed_is_told_and_is_no_other_condition() -> None:
    manifest, lines = sample()
    there = on_phone(lines, EVERY, target="local", device=_here(lines), host="lab1")
    (found,) = conditions_in(manifest, [*lines, *there])
    assert conditions_words(found).startswith("lab1, a made-up processor (local), ")
    assert {row.host for row in summarize(manifest, lines) if row.latency_ms} == {None}
    rows = [row for row in summarize(manifest, [*lines, *there]) if row.latency_ms]
    assert rows and {row.host for row in rows} == {"lab1"}


def test_measured_times_go_before_estimates() -> None:
    manifest, lines = sample()
    guessed = on_phone(lines, EVERY, kind="estimated", target="arm://cortex-a76")
    one = on_phone(lines, {ONNX: 3.0})
    found = conditions_in(manifest, [*one, *guessed])
    assert [conditions.kind for conditions in found] == ["measured", "estimated"]


def test_of_an_app_the_phone_is_the_place_and_the_fastest_backend_counts() -> None:
    manifest, lines = sample()
    app = "app://ios/iPhone15,2"
    units = {"cpuOnly": 4.0, "all": 1.5, "cpuAndGPU": 2.5}
    told = [
        line
        for name, p50 in units.items()
        for line in on_phone(lines, {ONNX: p50}, target=f"{app}/{name}", device=PHONE)
    ]
    told += on_phone(lines, {PTE: 2.0}, target=f"{app}/ExecuTorch", device=PHONE)
    (found,) = conditions_in(manifest, told)
    assert found.place == app == place_of(f"{app}/all") and place_of("adb://a/b") == "adb://a/b"
    rows = {row.path: row for row in summarize(manifest, told) if row.latency_ms}
    assert rows[ONNX].target == f"{app}/all" and rows[PTE].target == f"{app}/ExecuTorch"
    newer = on_phone(lines, {ONNX: 9.0}, target=f"{app}/all", device=PHONE)
    times = {line.artefact: line for line in latencies_under(found, [*told, *newer]).values()}
    assert times[ONNX].target == f"{app}/cpuAndGPU", "the newest of each backend"


def test_what_has_its_time_elsewhere_says_where() -> None:
    manifest, lines = sample()
    here = [
        line
        for line in lines
        if not isinstance(line, Measurement) or line.artefact not in (LITERT, ONNX)
    ]
    both = [*here, *on_phone(lines, {LITERT: 1.0})]
    rows = {row.path: row for row in summarize(manifest, both)}
    assert rows[LITERT].latency_note == "timed on Maker Phone 1 only"
    assert rows[ONNX].latency_note == "not measured"
    assert "Apple devices only" in rows["int8/model.mlpackage"].latency_note
    assert rows["int8/model.pte"].device == "a made-up processor"


def test_times_of_artefacts_that_are_gone_are_no_conditions() -> None:
    manifest, lines = sample()
    gone = on_phone(lines, EVERY, sha256="0" * 64)
    assert [one.place for one in conditions_in(manifest, [*lines, *gone])] == ["local"]
    assert Conditions.of(gone[0]).place == "adb://P1"
