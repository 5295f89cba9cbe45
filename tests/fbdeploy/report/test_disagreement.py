"""What int8 answers where float answers otherwise, counted by hand."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fbdeploy.pipeline.steps.pictures import least_alike
from fbdeploy.records.predictions import Predictions, Shown, write_predictions
from fbdeploy.records.results import EvaluationLine
from fbdeploy.report.disagreement import (
    CHANGED_CLASSES,
    ClassChange,
    Mistake,
    answers,
    answers_of,
)
from fbdeploy.report.page import render
from tasks.classification.task import Ranking
from tests.fbdeploy.samples import sample
from zoo.datasets.opening import open_dataset
from zoo.input_spec import InputSpec

LABELS = (0, 0, 0, 1, 1, 2)
FLOAT = (0, 0, 1, 1, 1, 2)
INT8 = (0, 1, 1, 1, 0, 1)


def kept(labels: tuple[int, ...] = LABELS, shown: Shown | None = None) -> Predictions:
    ranked = [[Ranking((index,), (), 3) for index in side] for side in (INT8, FLOAT)]
    return Predictions(
        images_sha256="i" * 64,
        names=tuple(f"{index}.png" for index in range(6)),
        task="classification",
        predictions=ranked[0],
        reference=ranked[1],
        labels=np.array(labels, np.int32),
        parts={"agreement": np.array([[a == b] for a, b in zip(INT8, FLOAT, strict=True)], float)},
        shown=shown,
    )


def test_who_is_right_where_they_differ() -> None:
    found = answers_of("ONNX int8", kept(), ("cat", "dog", "cow"))
    assert (found.images, found.differ, found.float_right, found.int8_right) == (6, 3, 3, 0)
    said = [(one.name, one.label, one.float_says, one.int8_says) for one in found.shown]
    assert said == [
        ("1.png", "cat", "cat", "dog"),
        ("4.png", "dog", "dog", "cat"),
        ("5.png", "cow", "cow", "dog"),
    ]
    assert found.classes == (
        ClassChange("cat", 3, 2 / 3, 1 / 3),
        ClassChange("dog", 2, 1.0, 0.5),
        ClassChange("cow", 1, 1.0, 0.0),
    )
    assert found.mistakes == (
        Mistake("cat", "dog", 1, 2),
        Mistake("dog", "cat", 0, 1),
        Mistake("cow", "dog", 0, 1),
    )
    assert found.matrix == (("cat", (1, 2, 0)), ("dog", (1, 1, 0)), ("cow", (0, 1, 0)))


def test_without_labels_only_what_each_says() -> None:
    found = answers_of("ONNX int8", kept((-1,) * 6), ("cat",))
    assert (found.differ, found.float_right, found.classes, found.matrix) == (3, None, (), ())
    assert found.shown[0].label == "" and found.shown[0].int8_says == "class 1"


@pytest.mark.parametrize("changed", [(), (7, 8, 9), range(1, 16)])
def test_of_many_classes_those_that_change_most(changed: Sequence[int]) -> None:
    count = 40
    labels = list(range(count)) * 2
    moved = [0 if index in changed else label for index, label in enumerate(labels)]
    ranked = [[Ranking((index,), (), count) for index in side] for side in (moved, labels)]
    one = Predictions("i" * 64, tuple(map(str, labels)), "classification", *ranked,
                      np.array(labels, np.int32), {})  # fmt: skip
    found = answers_of("x", one, ())
    shown = min(len(changed), CHANGED_CLASSES)
    assert len(found.classes) == shown and found.matrix == ()
    assert found.classes_left_out == count - shown
    assert {row.label for row in found.classes} <= {f"class {index}" for index in changed}


def test_a_classifier_s_pictures_are_spread_over_what_differs() -> None:
    dataset = open_dataset("fashion-mnist-calibration")
    names = tuple(sample.name for sample in map(dataset.sample, range(20)))
    alike = np.ones(20)
    alike[4:] = 0
    parts = {"top1": np.zeros((20, 1)), "agreement": alike[:, None]}
    found = least_alike(parts, dataset, InputSpec(192, 96, crop_pct=1.0), names, 20)
    assert found is not None and found.pixels.shape == (8, 96, 48, 3)
    assert len(set(found.indices.tolist())) == 8 and found.indices.min() >= 4
    assert found.indices.max() - found.indices.min() >= 10


def test_the_page_shows_them(tmp_path: Path) -> None:
    pixels = np.full((1, 8, 8, 3), 77, np.uint8)
    path = write_predictions(tmp_path, "key", kept(shown=Shown(np.array([4], np.int32), pixels)))
    manifest, lines = sample()
    chosen = next(entry for entry in manifest.artefacts if entry.name == "onnx int8")
    lines = [
        line.model_copy(update={"predictions": path})
        if isinstance(line, EvaluationLine) and line.sha256 == chosen.sha256
        else line
        for line in lines
    ]
    found = answers(tmp_path, manifest, lines, chosen.path)
    assert found is not None and found.artefact == "ONNX int8"
    (one,) = found.shown
    data = base64.b64decode(one.address.partition("base64,")[2])
    assert (np.asarray(Image.open(io.BytesIO(data))) == 77).all()
    page = render(manifest, lines, answered=found)
    assert "ONNX int8 answers otherwise than float on 3 of 6 images" in page
    assert "float alone is right on 3, int8 alone on 0, neither on 0" in page
    assert one.address in page and "Confusion matrix of ONNX int8" in page
    assert answers(tmp_path, manifest, [], chosen.path) is None
