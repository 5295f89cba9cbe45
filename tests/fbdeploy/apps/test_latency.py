"""``fbdeploy bench --app``: from artefacts of a deployment to measurements in its app."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from fbdeploy.apps.bench import AppBenchRequest
from fbdeploy.apps.bundle_files import model_id
from fbdeploy.apps.latency import AppLatencyRequest, measure_in_app
from fbdeploy.apps.results import AppResults
from fbdeploy.cli.app import run
from fbdeploy.records.bundle_schema import (
    APP_FORMATS,
    BundleInput,
    BundleModel,
    BundleOutput,
    BundleTensor,
    ModelConfig,
)
from runtime_bench.measurement import read_measurements
from runtime_bench.timing.modes import mode_of
from tests.fbdeploy.app_phone import app_commands, files, install, uninstall
from tests.fbdeploy.apps.test_results import result
from tests.fbdeploy.samples import sample
from tests.runtime_bench.device_fixtures import cache
from tests.runtime_bench.targets.board import SERIAL, Board
from tests.runtime_bench.targets.conftest import board, network
from zoo.errors import InputError

__all__ = ["board", "cache", "network"]
MANIFEST = sample()[0]
DIGESTS = {model_id(entry): entry.sha256 for entry in MANIFEST.artefacts}
PHONE = "adb://PHONE"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An output folder whose artefacts are empty files: the phone has the real ones."""
    folder = tmp_path / "out"
    bundle = folder / "demo_bundle"
    bundle.mkdir(parents=True)
    (folder / "manifest.json").write_text(MANIFEST.model_dump_json())
    for entry in MANIFEST.artefacts:
        path = folder / entry.path
        path.parent.mkdir(exist_ok=True)
        path.touch()
    write_config(folder, DIGESTS)
    return folder


def write_config(folder: Path, digests: dict[str, str]) -> None:
    models = tuple(
        BundleModel(
            id=model_id(entry),
            file=f"models/{model_id(entry)}",
            format=entry.format,
            precision=entry.precision,
            sha256=digests[model_id(entry)],
            bytes=1,
            input=BundleTensor(name="", shape=(1, 3, 8, 8)),
            outputs=(BundleOutput(name="logits", stored="", shape=(1, 10)),),
        )
        for entry in MANIFEST.artefacts
        if entry.format in APP_FORMATS and model_id(entry) in digests
    )
    config = ModelConfig(
        network="default",
        task="classification",
        input=BundleInput(**asdict(MANIFEST.input_spec)),
        num_classes=10,
        models=models,
    )
    (folder / "demo_bundle/model_config.json").write_text(config.model_dump_json())


class FakeApp:
    """Answers every request with the same five latencies."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, AppBenchRequest]] = []

    def __call__(self, serial: str, request: AppBenchRequest) -> AppResults:
        self.asked.append((serial, request))
        form, precision = request.model.split("-")
        changes = {"model": request.model, "format": form, "precision": precision}
        document = result(DIGESTS[request.model], threads=request.threads, **changes)
        return AppResults.model_validate(document)


def test_each_artefact_is_timed_with_each_thread_count(output: Path, tmp_path: Path) -> None:
    app, done = FakeApp(), list[float]()
    paths = (output / "int8/model.onnx", output / "fp32/model.pte")
    request = AppLatencyRequest(paths, PHONE, (1, 4), mode_of("quick"))
    measured = list(measure_in_app(request, done.append, app))
    assert [(one.artefact, one.threads) for one in measured] == [
        (str(path), count) for count in (1, 4) for path in paths
    ]
    assert done == [0.25, 0.5, 0.75, 1.0]
    assert app.asked[0] == (
        "PHONE",
        AppBenchRequest("onnx-int8", iterations=20, seconds=1.0, warmup_seconds=1.0, threads=1),
    )
    kept = read_measurements(output / "results.jsonl")
    assert [one.artefact for one in kept] == ["int8/model.onnx", "fp32/model.pte"] * 2
    assert {one.target for one in kept} == {"app://android/Phone 1/onnxruntime"}

    other = tmp_path / "phone.jsonl"
    request = AppLatencyRequest(paths[:1], PHONE, (1,), mode_of("quick"), other)
    list(measure_in_app(request, bench=app))
    assert len(read_measurements(other)) == 1
    assert len(read_measurements(output / "results.jsonl")) == 4


def test_an_app_with_another_bundle_is_told(output: Path) -> None:
    def stale(serial: str, request: AppBenchRequest) -> AppResults:
        return AppResults.model_validate(result("f" * 64))

    request = AppLatencyRequest((output / "int8/model.onnx",), PHONE, (1,), mode_of("quick"))
    with pytest.raises(InputError, match=r"adb://PHONE: .*install this folder's bundle"):
        list(measure_in_app(request, bench=stale))
    assert not (output / "results.jsonl").exists()


@pytest.mark.parametrize(
    ("artefact", "options", "said"),
    [
        ("int8/model.onnx", [], "--app: times inside the Android app, not on local"),
        ("int8/model.onnx", ["--target", "arm://cortex-a76"], "not on arm://cortex-a76"),
        ("int8/model.onnx", ["--target", PHONE, "--cores", "1"], "--cores: means nothing"),
        ("int8/model.onnx", ["--target", PHONE, "--cool-below", "35"], "--cool-below: means"),
        (
            "int8/model.onnx",
            ["--target", PHONE, "--results", "r.jsonl", "--resume"],
            "--resume: means nothing",
        ),
        ("int8/model.onnx", ["--target", PHONE, "--cold"], "--cold: means nothing"),
        ("int8/model.onnx", ["--target", PHONE, "--profile"], "leave --profile and --binary out"),
        ("int8/model.onnx", ["--target", PHONE, "--binary", "x"], "leave --profile and --binary"),
        ("int8/model.mlpackage", ["--target", PHONE], "runs executorch, onnx, litert; leave it"),
        ("int8/model.pt", ["--target", PHONE], "is not in the demo bundle, which holds"),
        ("int8/other.onnx", ["--target", PHONE], "is no artefact of"),
        ("../stray.onnx", ["--target", PHONE], "holds no manifest.json"),
        ("int8/none.onnx", ["--target", PHONE], "no such artefact"),
    ],
)
def test_what_the_app_cannot_time_is_one_line(
    output: Path,
    capfd: pytest.CaptureFixture[str],
    artefact: str,
    options: list[str],
    said: str,
) -> None:
    for stray in ("int8/other.onnx", "../stray.onnx"):
        (output / stray).touch()
    assert run(["bench", str(output / artefact), "--app", *options]) == 2
    captured = capfd.readouterr()
    (line,) = captured.err.splitlines()
    assert said in line and captured.out == ""
    assert not (output / "results.jsonl").exists()


def test_a_bundle_that_is_older_or_absent_is_told(output: Path) -> None:
    path = output / "int8/model.onnx"
    request = AppLatencyRequest((path,), PHONE, (1,), mode_of("quick"))
    app = FakeApp()
    write_config(output, DIGESTS | {"onnx-int8": "0" * 64})
    with pytest.raises(InputError, match="holds an older one; deploy again"):
        list(measure_in_app(request, bench=app))
    (output / "demo_bundle/model_config.json").unlink()
    with pytest.raises(InputError, match=r"model_config\.json: cannot be read .*; deploy again"):
        list(measure_in_app(request, bench=app))
    assert app.asked == []


def test_through_a_real_adb_and_adbd(
    board: Board, output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The framework and the app are stand-ins: see app_phone.py."""
    paths = [str(output / name) for name in ("int8/model.onnx", "fp32/model.pte")]
    models = {name: DIGESTS[name] for name in ("onnx-int8", "executorch-fp32")}
    line = ["bench", *paths, "--app", "--target", f"adb://{SERIAL}", "--mode", "quick"]
    with app_commands(board, models, result("")):
        board.start_adbd()
        assert run(line) == 2
        assert "install android_demo's debug build" in capfd.readouterr().err
        install(board)

        assert run([*line, "--threads", "1,2", "--json"]) == 0
        rows = json.loads(capfd.readouterr().out)["measurements"]
        assert [(row["artefact"], row["threads"]) for row in rows] == [
            (path, count) for count in (1, 2) for path in paths
        ]
        assert {(row["kind"], row["mode"], len(row["samples_ns"])) for row in rows} == {
            ("measured", "app", mode_of("quick").minimum_runs)
        }
        kept = read_measurements(output / "results.jsonl")
        assert [one.sha256 for one in kept] == [row["sha256"] for row in rows]
        assert files(board) == "", "fetched results do not pile up on the phone"

        missing = [str(output / "int8/model.tflite"), *line[3:]]
        assert run(["bench", *missing]) == 2
        assert "no model litert-int8 in the bundle" in capfd.readouterr().err
        uninstall(board)
        assert run(line) == 2
        assert "Activity class" in capfd.readouterr().err
        assert run([*line, "--target", "adb://NOSUCHPHONE"]) == 2
        assert "adb://NOSUCHPHONE: device 'NOSUCHPHONE' not found" in capfd.readouterr().err
    assert len(read_measurements(output / "results.jsonl")) == len(rows)
