"""Latency by target string: what each target takes, and an emulated core through the command."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import fbdeploy.latency.measure as measuring
from fbdeploy.cli.app import run
from fbdeploy.latency.measure import OPTIONS, LatencyRequest, measure_latency
from runtime_bench.emulation.latency_model import LatencyPoint, fit_latency
from runtime_bench.measurement import Measurement, read_measurements
from runtime_bench.runners.kit import RunnerKit
from runtime_bench.timing.modes import Mode
from runtime_bench.timing.session import Subject
from tests.runtime_bench.artefacts import Artefacts
from tests.runtime_bench.device_fixtures import cache, kit, need_llvm
from zoo.errors import InputError

__all__ = ["cache", "kit"]
SHORT = Mode("test", 4, 0.001, 0.001, 1.0, loads=1, warmup_seconds=0.1, block_seconds=0.01)
CORE = "arm://cortex-a76"


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    return Artefacts(tmp_path_factory.mktemp("artefacts"))


def _request(path: Path, target: str, **changes: object) -> LatencyRequest:
    request = LatencyRequest((Subject(path),), target, (1,), SHORT)
    return replace(request, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "option", "value"),
    [
        ("local", "latency_model", Path("x.json")),
        ("local", "runners", Path("x")),
        (CORE, "cores", (0,)),
        (CORE, "cold", True),
        ("ssh://nobody@nowhere.invalid", "cold", True),
        ("adb://NOBODY", "prepare", print),
        (CORE, "cool_below", 40.0),
        ("ssh://nobody@nowhere.invalid", "latency_model", Path("x.json")),
        ("adb://NOBODY", "latency_model", Path("x.json")),
    ],
)
def test_options_that_mean_nothing_there_are_refused(
    target: str, option: str, value: object
) -> None:
    request = _request(Path("x.onnx"), target, **{option: value})
    with pytest.raises(InputError, match=f"{OPTIONS[option]}: means nothing on"):
        list(measure_latency(request))


def test_resume_needs_a_file() -> None:
    with pytest.raises(InputError, match=r"--resume: .*--results FILE"):
        list(measure_latency(_request(Path("x.onnx"), "local", resume=True)))


def test_latency_models_are_checked_before_anything_runs(tmp_path: Path) -> None:
    path = tmp_path / "pixel.json"
    request = _request(Path("x.onnx"), CORE, latency_model=path)
    with pytest.raises(InputError, match="cannot be read"):
        list(measure_latency(request))
    path.write_text("{}")
    with pytest.raises(
        InputError, match=r"pixel\.json: .*; give a file that fbdeploy fit-latency wrote"
    ):
        list(measure_latency(request))
    points = [LatencyPoint(network=n, cycles=2e6, milliseconds=1.0) for n in "abc"]
    path.write_text(fit_latency("Pixel 0", "cortex-x1", points).model_dump_json())
    with pytest.raises(InputError, match="is for arm://cortex-x1"):
        list(measure_latency(request))
    path.write_text(fit_latency("Pixel 0", "cortex-a76", points).model_dump_json())
    with pytest.raises(InputError, match="give --threads 1"):
        list(measure_latency(replace(request, threads=(1, 2))))


def test_this_machine_with_two_thread_counts_and_resumed(
    artefacts: Artefacts, tmp_path: Path
) -> None:
    results = tmp_path / "results.jsonl"
    subjects = (Subject(artefacts("onnx", "int8")), Subject(artefacts("onnx", "fp32")))
    done: list[float] = []
    request = LatencyRequest(subjects, "local", (1, 2), SHORT, results)
    measured = list(measure_latency(request, done.append))
    assert [(one.threads, Path(one.artefact)) for one in measured] == [
        (count, subject.path) for count in (1, 2) for subject in subjects
    ]
    assert done == sorted(done) and done[0] > 0 and done[-1] == 1
    assert read_measurements(results) == measured
    assert list(measure_latency(replace(request, resume=True))) == measured
    assert read_measurements(results) == measured


def test_only_what_the_file_lacks_is_measured(
    artefacts: Artefacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "out" / "results.jsonl"
    onnx, litert = (Subject(artefacts(name, "fp32")) for name in ("onnx", "litert"))
    calls: list[list[Subject]] = []
    real = measuring.benchmark

    def counted(subjects: list[Subject], **arguments: object) -> list[Measurement]:
        calls.append(subjects)
        return real(subjects, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(measuring, "benchmark", counted)
    request = LatencyRequest((onnx,), "local", (1,), SHORT, results)
    first = list(measure_latency(request))
    assert read_measurements(results) == first
    more = replace(request, subjects=(litert, onnx), resume=True)
    both = list(measure_latency(more))
    assert calls == [[onnx], [litert]]
    assert [one.format for one in both] == ["litert", "onnx"]
    assert both[1] == first[0]
    assert len(read_measurements(results)) == 2
    assert list(measure_latency(replace(more, subjects=(onnx, litert)))) == both[::-1]
    assert len(calls) == 2


def test_a_changed_artefact_is_measured_again(artefacts: Artefacts, tmp_path: Path) -> None:
    results, path = tmp_path / "results.jsonl", tmp_path / "model.onnx"
    for precision in ("fp32", "int8"):
        shutil.copy(artefacts("onnx", precision), path)
        list(measure_latency(_request(path, "local", results=results, resume=True)))
    hashes = [one.sha256 for one in read_measurements(results)]
    assert len(hashes) == len(set(hashes)) == 2


def test_an_emulated_core_counts_and_estimates_only_by_a_latency_model(
    kit: RunnerKit, artefacts: Artefacts, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    need_llvm()
    results = tmp_path / "a76.jsonl"
    paths = [str(artefacts("onnx", precision)) for precision in ("int8", "fp32")]
    line = ["bench", *paths, "--target", CORE, "--results", str(results), "--resume", "--json"]
    assert run(line) == 0
    first = json.loads(capfd.readouterr().out)["measurements"]
    assert [row["artefact"] for row in first] == paths
    assert {row["kind"] for row in first} == {"emulated"}
    for row in first:
        assert row["latency_ms"] is None and row["target"] == CORE
        assert row["instructions"] == sum(row["counts"]["by_class"].values()) > row["cycles"] / 4
    assert "outputs equal this machine's" in first[0]["note"]

    assert run(line) == 0
    assert json.loads(capfd.readouterr().out)["measurements"] == first
    assert len(results.read_text().splitlines()) == len(paths)

    points = [
        LatencyPoint(network=n, cycles=2e6, milliseconds=1.0 + i / 9) for i, n in enumerate("abc")
    ]
    model = tmp_path / "pixel.json"
    model.write_text(fit_latency("Pixel 0", "cortex-a76", points).model_dump_json())
    assert run(["bench", paths[0], *line[3:], "--latency-model", str(model)]) == 0
    (estimated,) = json.loads(capfd.readouterr().out)["measurements"]
    assert (
        estimated["kind"] == "estimated" and estimated["instructions"] == first[0]["instructions"]
    )
    low, high = estimated["estimate_interval_ms"]
    assert low < estimated["latency_ms"]["p50"] < high and "Pixel 0" in estimated["note"]
