"""``fbdeploy bench`` beyond times: pre-processing, cold loads, operators, the user's own tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fbdeploy.cli.app import run
from fbdeploy.latency.photo import preprocessing
from fbdeploy.records.manifest import write_manifest
from fbdeploy.records.results import read_lines
from fbdeploy.report import numbers
from runtime_bench.measurement import Measurement
from runtime_bench.timing.modes import MODES, Mode
from tests.fbdeploy.samples import sample
from tests.runtime_bench.artefacts import Artefacts
from zoo.errors import InputError
from zoo.files import sha256_of

SHORT = Mode("short", 10, 0.001, 0.001, 1.0, loads=1, warmup_seconds=0.1, block_seconds=0.005)


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    return Artefacts(tmp_path_factory.mktemp("artefacts"))


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setitem(MODES, "short", SHORT)


@pytest.fixture
def deployed(artefacts: Artefacts, tmp_path: Path) -> Path:
    """An artefact in an output folder with a manifest, as deploy leaves it."""
    path = tmp_path / "out" / "fp32" / "model.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(artefacts("onnx", "fp32").read_bytes())
    write_manifest(tmp_path / "out", sample()[0])
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (600, 800, 3), np.uint8)
    path = tmp_path / "photo.jpg"
    Image.fromarray(pixels).save(path)
    return path


def _answer(capfd: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert run(["bench", *map(str, arguments), "--json"]) == 0
    answer: dict[str, Any] = json.loads(capfd.readouterr().out)
    return answer


def test_a_folder_of_deploy_is_timed_again_and_its_report_tells_it(
    deployed: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = deployed.parents[1]
    manifest = sample()[0]
    kept = next(entry for entry in manifest.artefacts if entry.name == "onnx fp32")
    kept = kept.model_copy(update={"path": "fp32/model.onnx", "sha256": sha256_of(deployed)})
    write_manifest(folder, manifest.model_copy(update={"artefacts": (kept,)}))
    assert run(["bench", str(folder), "--mode", "short"]) == 0
    assert "report.html is made again" in capfd.readouterr().out
    (line,) = read_lines(folder)
    assert isinstance(line, Measurement) and line.mode == "short" and line.latency_ms is not None
    shown = f"{numbers.significant(line.latency_ms.p50)} ms"
    assert shown in (folder / "report.html").read_text(encoding="utf-8")
    # Where the times are to go elsewhere, the folder stays as it is.
    other = folder.parent / "phone.jsonl"
    assert run(["bench", str(folder), "--mode", "short", "--results", str(other)]) == 0
    assert len(read_lines(folder)) == 1 and other.exists()


def test_pre_processing_is_timed_beside_cold_loads(
    deployed: Path, photo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (one,) = _answer(capfd, deployed, "--mode", "short", "--photo", photo, "--cold")["measurements"]
    assert one["cold"] and one["peak_memory_bytes"] > 10_000
    # 480,000 pixels cannot be decoded and resized within a tenth of a millisecond.
    assert len(one["preparation_ns"]) == 20 and min(one["preparation_ns"]) > 1e5
    assert run(["bench", str(deployed), "--mode", "short", "--photo", str(photo)]) == 0
    out = capfd.readouterr().out
    assert "pre-processing of one photo: " in out and "load" in out


def test_photos_that_cannot_be_prepared(deployed: Path, photo: Path, tmp_path: Path) -> None:
    manifest = sample()[0]
    with pytest.raises(InputError, match=r"--photo .*photo\.jpg: needs artefacts of one network"):
        preprocessing(photo, [manifest, None])
    text = tmp_path / "text.jpg"
    text.write_text("no image")
    with pytest.raises(InputError, match="not an image"):
        preprocessing(text, [manifest])
    with pytest.raises(InputError, match="cannot be read"):
        preprocessing(tmp_path / "none.jpg", [manifest])
    prepared = preprocessing(photo, [manifest, manifest])()
    assert isinstance(prepared, np.ndarray) and prepared.shape == (3, 128, 128)


def test_operators_are_told(artefacts: Artefacts, capfd: pytest.CaptureFixture[str]) -> None:
    path = artefacts("onnx", "fp32")
    (one,) = _answer(capfd, path, "--profile")["profiles"]
    assert one["artefact"] == str(path) and one["threads"] == 1
    assert sum(operator["share"] for operator in one["operators"]) == pytest.approx(1)
    assert run(["bench", str(path), "--profile"]) == 0
    assert "costliest operators" in capfd.readouterr().out
    assert run(["bench", str(path), "--profile", "--target", "adb://X"]) == 2
    assert "--profile: means nothing on adb://X" in capfd.readouterr().err


def test_the_user_s_tool_is_run(
    artefacts: Artefacts, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    binary = tmp_path / "executor_runner"
    binary.write_text(
        "#!/bin/sh\necho 'I 00 x] Model executed successfully 4 time(s) in 10.000000 ms.' >&2\n"
    )
    binary.chmod(0o755)
    path = artefacts("executorch", "fp32")
    (one,) = _answer(capfd, path, "--binary", binary)["tool_reports"]
    assert one["timings_ms"]["mean"] == 2.5 and one["timings_ms"]["median"] is None
    assert (one["tool"], one["target"]) == ("executor_runner", "local")
    assert one["device"]["cores"] >= 1 and "load_average" in one["state_after"]
    assert run(["bench", str(path), "--binary", str(binary)]) == 0
    assert "as executor_runner itself reports on" in capfd.readouterr().out


def test_artefacts_timed_in_turn_are_compared_with_the_fastest(
    artefacts: Artefacts, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = [artefacts("onnx", "fp32"), artefacts("litert", "fp32")]
    capfd.readouterr()  # what the exporters said
    answer = _answer(capfd, *paths, "--mode", "short")
    medians = {one["artefact"]: one["latency_ms"]["p50"] for one in answer["measurements"]}
    fastest = min(medians, key=medians.__getitem__)
    (ratio,) = answer["ratios"]
    assert ratio["fastest"] == fastest and ratio["artefact"] in set(medians) - {fastest}
    assert ratio["threads"] == 1 and ratio["compared"]["loads"] == SHORT.epochs
    low, high = ratio["compared"]["interval"]["low"], ratio["compared"]["interval"]["high"]
    assert 0 < low <= ratio["compared"]["ratio"] <= high
    assert run(["bench", *map(str, paths), "--mode", "short"]) == 0
    assert "times as long as" in capfd.readouterr().out
    assert _answer(capfd, paths[0], "--mode", "short")["ratios"] == []
