"""An artefact that nothing describes: which class a folder of images is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from tests.fbdeploy.cli.in_process import Ran, command
from zoo import datasets
from zoo.datasets import Dataset
from zoo.input_spec import InputSpec

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def _write(path: Path, side: int) -> Path:
    """Three classes, the mean of each channel: red, green and blue."""
    path.parent.mkdir(parents=True)
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["logits"]),
        ],
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, side, side))],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (1, 3))],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), str(path))
    return path


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One without a manifest.json."""
    return _write(tmp_path_factory.mktemp("colours") / "int8" / "model.onnx", 8)


def evaluated(
    capfd: pytest.CaptureFixture[str],
    artefact: Path,
    data: Path,
    folders: dict[str, str],
    *more: object,
) -> Ran:
    """One image a folder, of the colour that it is said to hold."""
    for folder, colour in folders.items():
        (data / folder).mkdir(parents=True)
        Image.new("RGB", (8, 8), COLOURS[colour]).save(data / folder / "one.png")
    given = ("--data", data, "--mean", "0,0,0", "--std", "1,1,1", "--crop-pct", "1")
    return command(capfd, "evaluate", artefact, *given, *more)


def test_folders_named_by_index_are_those_classes(
    capfd: pytest.CaptureFixture[str], artefact: Path, tmp_path: Path
) -> None:
    for name, folders in (
        ("all", {"0": "red", "1": "green", "2": "blue"}),
        ("some", {"2": "blue", "00": "red"}),
    ):
        ran = evaluated(capfd, artefact, tmp_path / name, folders)
        assert ran.code == 0 and "top-1 100.00" in ran.out
        assert "order" not in ran.err


def test_sorted_order_is_said(
    capfd: pytest.CaptureFixture[str], artefact: Path, tmp_path: Path
) -> None:
    ran = evaluated(capfd, artefact, tmp_path, {name: name for name in COLOURS})
    assert ran.code == 0 and "top-1 33.33" in ran.out
    (line,) = [line for line in ran.err.splitlines() if "sorted order" in line]
    assert "0 is blue, 1 is green, 2 is red; " in line and str(artefact) in line


def test_some_of_the_classes_by_name_are_refused(
    capfd: pytest.CaptureFixture[str], artefact: Path, tmp_path: Path
) -> None:
    ran = evaluated(capfd, artefact, tmp_path, {"green": "green", "blue": "blue"})
    assert "has 2 class folders (blue, green) where the network has 3 classes" in ran.line


@pytest.mark.parametrize(("side", "readings"), [(8, 1), (16, 2)])
def test_images_are_read_once_for_an_artefact_and_its_reference(
    side: int,
    readings: int,
    capfd: pytest.CaptureFixture[str],
    artefact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unless they take other images, such as larger ones."""
    read: list[InputSpec] = []

    def counting(dataset: Dataset, spec: InputSpec, *more: Any, **named: Any) -> Iterator[Any]:
        read.append(spec)
        return batches(dataset, spec, *more, **named)

    batches = datasets.batches
    monkeypatch.setattr(datasets, "batches", counting)
    other = _write(tmp_path / "other" / "fp32" / "model.onnx", side)
    folders = {"0": "red", "1": "green", "2": "blue"}
    ran = evaluated(capfd, artefact, tmp_path / "data", folders, "--reference", other, "--json")
    assert ran.code == 0, ran.err
    answer = json.loads(ran.out)
    assert answer["images"] == 3 and answer["reference"]["agreement"] == 1.0
    assert [spec.height for spec in read] == [8, side][:readings]
