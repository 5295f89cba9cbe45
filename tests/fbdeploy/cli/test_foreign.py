"""Artefacts of other exporters on the command line: what is missing is asked for in one line, and a
bad file among several does not end the others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from fbdeploy.records.described import named
from fbdeploy.records.manifest import write_manifest
from runtime_bench.timing.modes import MODES, Mode
from tests.fbdeploy.cli.in_process import command
from tests.fbdeploy.samples import sample
from zoo.errors import InputError

SHORT = Mode("short", 10, 0.001, 0.001, 1.0, loads=1, warmup_seconds=0.1, block_seconds=0.005)
COLOURS = {"0": (255, 0, 0), "1": (0, 255, 0), "2": (0, 0, 255)}


def colours(path: Path, *, size: int | str = 8, layout: str = "nchw", pixels: bool = False) -> Path:
    """Scores for red, green and blue, the mean of each channel; and the largest value, a scalar."""
    shape = [1, 3, size, size] if layout == "nchw" else [1, size, size, 3]
    kind = TensorProto.UINT8 if pixels else TensorProto.FLOAT
    steps = [helper.make_node("Cast", ["image"], ["real"], to=TensorProto.FLOAT)]
    if layout == "nhwc":
        steps.append(helper.make_node("Transpose", ["real"], ["planes"], perm=[0, 3, 1, 2]))
    source = "planes" if layout == "nhwc" else "real"
    steps += [
        helper.make_node("GlobalAveragePool", [source], ["map"]),
        helper.make_node("Flatten", ["map"], ["scores"]),
        helper.make_node("ReduceMax", [source], ["largest"], keepdims=0),
    ]
    outputs = [
        helper.make_tensor_value_info("largest", TensorProto.FLOAT, ()),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, (1, 3)),
    ]
    graph = helper.make_graph(
        steps, "colours", [helper.make_tensor_value_info("image", kind, shape)], outputs
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), str(path))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name, colour in COLOURS.items():
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        Image.new("RGB", (8, 8), colour).save(folder / "one.png")
    return tmp_path / "data"


def test_pixels_go_in_as_they_are(
    tmp_path: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = colours(tmp_path / "their" / "pixels.onnx", layout="nhwc", pixels=True)
    ran = command(capfd, "evaluate", path, "--data", data, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["top1"] == 1.0
    assert "takes integers, and is given the pixels as they are" in ran.err


def test_all_that_is_missing_is_asked_for_in_one_line(
    tmp_path: Path, data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = colours(tmp_path / "their" / "any.onnx", size="side")
    line = command(capfd, "evaluate", path, "--data", data).line
    assert "give --input-size and --mean and --std" in line
    given = ("--input-size", "8", "--mean", "0,0,0", "--std", "1,1,1", "--crop-pct", "1")
    ran = command(capfd, "evaluate", path, "--data", data, *given, "--json")
    assert ran.code == 0 and json.loads(ran.out)["top1"] == 1.0, ran.err
    line = command(capfd, "evaluate", path, "--data", data, *given, "--logits", "largest").line
    assert "--logits largest: is no output of" in line and "scores (1, 3)" in line


def test_a_bad_file_does_not_end_the_others(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODES, SHORT.name, SHORT)
    good = colours(tmp_path / "their" / "good.onnx")
    bad = tmp_path / "their" / "bad.onnx"
    bad.write_bytes(np.random.default_rng(0).bytes(400))
    for arguments, key in (
        (("inspect",), "artefacts"),
        (("bench", "--mode", SHORT.name), "measurements"),
    ):
        ran = command(capfd, *arguments, good, bad, "--json")
        assert ran.code == 1, ran.err
        answer = json.loads(ran.out)
        assert [one["artefact"] for one in answer[key]] == [str(good)]
        (failure,) = answer["failures"]
        assert failure["artefact"] == str(bad) and str(bad) in failure["message"]
        assert failure["message"] in ran.err


def test_an_output_folder_stands_for_what_may_be_shipped(tmp_path: Path) -> None:
    manifest, _ = sample()
    first, *rest = manifest.artefacts
    assert first.parity is not None
    refused = first.parity.model_copy(update={"passed": False})
    broken = first.model_copy(update={"parity": refused})
    write_manifest(tmp_path, manifest.model_copy(update={"artefacts": (broken, *rest)}))
    found = [path.relative_to(tmp_path).as_posix() for path in named([tmp_path])]
    assert found == [entry.path for entry in rest]
    timed = [path.suffix for path in named([tmp_path], timed=True)]
    assert ".mlpackage" not in timed and len(timed) == len(rest) - 2
    with pytest.raises(InputError, match="is a folder without manifest"):
        named([tmp_path.parent])
