"""A file alone, without the manifest that deploy wrote beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fbdeploy
from export.format_info import FORMAT_INFO
from fbdeploy.records.own_words import own_words
from quantize.program import Program
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from tests.quantize.small_networks import photo_pixels, pixel_network
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.preprocess import preprocess

SPEC = InputSpec(32, 32, crop_pct=1.0)


@pytest.fixture(scope="module")
def program() -> Program:
    images = np.stack([preprocess(picture, SPEC) for picture in _pictures()])
    return quantize(pixel_network(SPEC), images, load_recipe("ptq-fast"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Path:
    """Pictures in the folder of the class that the program itself answers."""
    folder = tmp_path_factory.mktemp("photos")
    import torch

    for index, picture in enumerate(_pictures()):
        answer = program.module()(torch.from_numpy(preprocess(picture, SPEC)[None]))
        inside = folder / program.labels[int(answer.argmax())]
        inside.mkdir(exist_ok=True)
        picture.save(inside / f"{index}.png")
    return folder


def _pictures() -> list[Image.Image]:
    return [Image.fromarray(one.transpose(1, 2, 0)) for one in photo_pixels(12, SPEC)]


@pytest.mark.parametrize(
    ("name", "variant"),
    [("int8.onnx", ""), ("uint8.onnx", "uint8"), ("int8.tflite", ""), ("int8.pt", "")],
)
def test_a_file_tells_its_classes_and_input(
    program: Program, photos: Path, tmp_path: Path, name: str, variant: str
) -> None:
    path = fbdeploy.export(program, tmp_path / name, variant=variant)
    told: list[str] = []
    found = fbdeploy.evaluate(path, photos, progress=told.append)
    assert found.images == 12 and found.top1 is not None and found.top1 >= 11 / 12
    assert any("by its own words" in line for line in told)


def test_what_the_user_says_counts_more(program: Program, photos: Path, tmp_path: Path) -> None:
    path = fbdeploy.export(program, tmp_path / "int8.onnx")
    usual = fbdeploy.evaluate(path, photos)
    other = fbdeploy.evaluate(path, photos, mean=(9.0,) * 3, std=(0.1,) * 3)
    assert list(other.evaluation.predictions) != list(usual.evaluation.predictions)


def test_words_that_the_outputs_contradict_do_not_count(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    few = replace(program, labels=program.labels[:3])
    path = fbdeploy.export(few, tmp_path / "int8.onnx")
    told: list[str] = []
    data = tmp_path / "data"
    (data / "0").mkdir(parents=True)
    _pictures()[0].save(data / "0" / "one.png")
    assert fbdeploy.evaluate(path, data, progress=told.append).images == 1
    assert not any("by its own words" in line for line in told)


def test_words_that_are_damaged_are_none() -> None:
    spec = {"height": 8, "width": 8, "mean": [0, 0, 0], "std": [1, 1, 1], "crop_pct": 1.0}
    spec |= {"interpolation": "bilinear", "crop_mode": "center"}
    whole = {"network": "n", "task": "classification", "labels": '["a", "b"]'}
    whole["input"] = json.dumps({**spec, "layout": "nchw", "color": "RGB", "dtype": "float32"})
    found = own_words(whole)
    assert found is not None and found.labels == ("a", "b") and found.input.crop_pct == 1.0
    for key, wrong in (
        ("input", "{"),
        ("input", json.dumps({**spec, "std": [0, 0, 0]})),
        ("input", json.dumps({k: v for k, v in spec.items() if k != "mean"})),
        ("labels", "[1, 2]"),
        ("task", "divination"),
    ):
        assert own_words(whole | {key: wrong}) is None
    assert own_words({}) is None and own_words({"input": "[" * 100_000}) is None


def test_a_variant_that_the_format_has_not(program: Program, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no int8 uint8"):
        fbdeploy.export(
            program, tmp_path / f"model{FORMAT_INFO['torchscript'].suffix}", variant="uint8"
        )
