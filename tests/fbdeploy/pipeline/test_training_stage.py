"""Training in a real worker's stages: from images on the disk to an artefact that was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import BaseModel

from fbdeploy.pipeline.known import Prepared, Quantized
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.steps.export import ExportArguments, Exported, export
from fbdeploy.pipeline.steps.prepare import PrepareArguments, prepare
from fbdeploy.pipeline.steps.train import TrainArguments, train
from fbdeploy.pipeline.work import WorkFolder
from fbdeploy.records.builds import ProgramName
from fbdeploy.records.manifest import Quantization
from quantize.program import load_program
from zoo.errors import InputError

NETWORK = """
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Hardswish(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )
"""

RECIPE = """
name = "tiny"
method = "qat"
[corrections]
equalization = false
ranges = false
[calibration]
images = 16
held_out = 4
[qat]
steps = 6
batch = 4
images = 16
evaluate_every = 2
"""


class Interrupted(Exception):
    pass


class Heard:
    """A reporter that keeps what it is told, and interrupts training after ``patience`` steps."""

    def __init__(self, patience: int = 1000) -> None:
        self.results: list[BaseModel] = []
        self.steps: list[float] = []
        self.notes: list[str] = []
        self._patience = patience

    def progress(self, step: str, done: float) -> None:
        if step.startswith("training"):
            self.steps.append(done)
            if len(self.steps) == self._patience:
                raise Interrupted

    def note(self, text: str) -> None:
        self.notes.append(text)

    def result(self, value: BaseModel) -> None:
        self.results.append(value)

    def quantized(self) -> dict[ProgramName, Quantization]:
        """What the manifest would know of programs."""
        found = [value for value in self.results if isinstance(value, Quantized)]
        return {one.program: one.quantization for one in found}


class Desk:
    """A request, and the stages to call with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "net.py").write_text(NETWORK)
        (folder / "recipe.toml").write_text(RECIPE)
        generator = np.random.default_rng(0)
        for split in ("val", "train"):
            for index in range(24):
                path = folder / split / str(index % 4) / f"{index}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = generator.integers(0, 256, (20, 20, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(path)
        self.work = WorkFolder.of(folder / "out")
        self.request = DeployRequest(
            network=f"{self.folder / 'net.py'}:build",
            num_classes=4,
            input={"size": (16, 16), "mean": (0.5,) * 3, "std": (0.5,) * 3},
            data=str(self.folder / "val"),
            calibration=str(self.folder / "train"),
            formats=("onnx",),
            builds=("int8-qat",),
            recipe=str(self.folder / "recipe.toml"),
            output=self.folder / "out",
        )

    def prepare(self, known: dict[ProgramName, Quantization] | None = None) -> Heard:
        heard = Heard()
        prepare(heard, PrepareArguments(request=self.request, known_programs=known or {}))
        (self.prepared,) = [value for value in heard.results if isinstance(value, Prepared)]
        return heard

    def train(self, start: str, heard: Heard | None = None) -> Heard:
        heard = heard or Heard()
        asked = TrainArguments(
            request=self.request,
            network_key=self.prepared.network_key,
            data=self.prepared.evaluation_data,
            start=start,
        )
        train(heard, asked)
        return heard


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_trained_program_becomes_an_artefact_and_is_not_made_twice(desk: Desk) -> None:
    int8 = desk.prepare().quantized()
    assert set(int8) == {"ptq"}
    assert "qat" not in int8["ptq"].recipe.values
    trained = desk.train(int8["ptq"].key).quantized()["qat"]
    settings: Any = trained.recipe.values["qat"]
    assert settings["steps"] == 6
    assert trained.steps[-1].name == "qat"
    program = load_program(desk.work.program("qat"))
    assert program.summary.method == "qat"
    assert program.ranges_sha256() == trained.ranges_sha256
    known: dict[ProgramName, Quantization] = {**int8, "qat": trained}
    assert desk.prepare(known).quantized() == known
    heard = Heard()
    asked = ExportArguments(
        request=desk.request,
        network_key=desk.prepared.network_key,
        input_spec=desk.prepared.input_spec,
        data=desk.prepared.evaluation_data,
        format="onnx",
        keys={"int8-qat": "k"},
    )
    export(heard, asked)
    (made,) = [value for value in heard.results if isinstance(value, Exported)]
    assert {entry.path for entry in made.artefacts} >= {"int8-qat/model.onnx"}
    assert all(entry.parity and entry.parity.passed for entry in made.artefacts)


def test_interrupted_training_goes_on(desk: Desk) -> None:
    start = desk.prepare().quantized()["ptq"].key
    whole = desk.train(start).quantized()["qat"].ranges_sha256
    with pytest.raises(Interrupted):
        desk.train(start, Heard(patience=5))
    heard = desk.train(start)
    assert heard.steps == pytest.approx([5 / 6, 1.0])
    assert heard.quantized()["qat"].ranges_sha256 == whole


def test_other_settings_train_again_but_do_not_calibrate_again(desk: Desk) -> None:
    int8 = desk.prepare().quantized()
    known = {**int8, **desk.train(int8["ptq"].key).quantized()}
    recipe = desk.folder / "recipe.toml"
    recipe.write_text(RECIPE.replace("steps = 6", "steps = 4"))
    assert desk.prepare(known).quantized() == int8


def test_labels_that_are_asked_for_and_missing(desk: Desk) -> None:
    recipe = desk.folder / "recipe.toml"
    recipe.write_text(RECIPE + "label_weight = 0.5\n")
    start = desk.prepare().quantized()["ptq"].key
    assert desk.train(start).quantized()  # the folders are the labels
    flat = desk.folder / "train"
    for path in list(flat.rglob("*.png")):
        path.rename(flat / path.name)
    for empty in list(flat.iterdir()):
        if empty.is_dir():
            empty.rmdir()
    start = desk.prepare().quantized()["ptq"].key
    with pytest.raises(InputError, match=r"without labels"):
        desk.train(start)
