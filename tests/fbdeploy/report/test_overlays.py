"""Answers drawn over the photos on which they differ most."""

from __future__ import annotations

import base64
import dataclasses
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fbdeploy.pipeline.steps.pictures import least_alike
from fbdeploy.records.predictions import Predictions, Shown, read_predictions, write_predictions
from fbdeploy.records.results import EvaluationLine
from fbdeploy.report.overlays import GAP, overlays
from tasks.detection.objects import Found
from tasks.segmentation.task import Segmented
from zoo.datasets.class_map import ClassMap
from zoo.datasets.detection.annotations import RunLengths
from zoo.datasets.masks import open_masks
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.preprocess import resize_and_crop

SPEC = InputSpec(64, 64, crop_pct=1.0)


def _parts(*alike: float) -> dict[str, Any]:
    return {"pixel_agreement": np.array(alike)[:, None]}


def _answer(classes: np.ndarray) -> Segmented:
    return Segmented(ClassMap.of(classes.astype(np.uint8)), 3)


def _predictions(shown: Shown | None) -> Predictions:
    halves = np.zeros((8, 8)) + (np.arange(8) >= 4)
    return Predictions(
        images_sha256="i" * 64,
        names=("a.png", "b.png"),
        task="segmentation",
        predictions=[_answer(halves), _answer(2 * halves)],
        reference=[_answer(halves), _answer(halves)],
        labels=np.zeros(0, np.int32),
        parts=_parts(1.0, 0.5),
        shown=shown,
    )


def test_the_least_alike_are_kept_small() -> None:
    dataset = open_masks("fashion-scenes")
    names = tuple(f"fashion-scenes/{index:05d}" for index in (0, 400, 800, 1200, 1600))
    found = least_alike(_parts(0.9, 1.0, 0.5, 1.0, 0.7), dataset, SPEC, names, 5)
    assert found is not None and found.indices.tolist() == [2, 4, 0]
    wanted = resize_and_crop(dataset.sample(800).image, SPEC)
    assert (found.pixels[0] == np.asarray(wanted)).all()
    large = least_alike(_parts(*[0.5] * 5), dataset, InputSpec(512, 1024), names, 5)
    assert large is not None and large.pixels.shape == (3, 128, 256, 3)
    assert least_alike(_parts(*[1.0] * 5), dataset, SPEC, names, 5) is None
    assert least_alike({"top1": np.zeros((5, 1))}, dataset, SPEC, names, 5) is None
    # Where images were left out, which is which is not known.
    assert least_alike(_parts(0.5), dataset, SPEC, names[:1], 5) is None


def test_they_are_drawn_over_the_photo(tmp_path: Path) -> None:
    picture = np.full((1, 16, 16, 3), 100, np.uint8)
    kept = _predictions(Shown(np.array([1], np.int32), picture))
    path = write_predictions(tmp_path, "key", kept)
    again = read_predictions(tmp_path / path)
    assert again.shown is not None and (again.shown.pixels == picture).all()
    entry = SimpleNamespace(
        sha256="s", precision="int8", rejected=False, name="ONNX int8", path="s"
    )
    manifest: Any = SimpleNamespace(
        network=SimpleNamespace(task="segmentation"),
        artefacts=(SimpleNamespace(sha256="f", precision="fp32", rejected=False, path="f"), entry),
        labels=("ground", "tree", "sea"),
    )
    found = overlays(tmp_path, manifest, [_line("s", path)])
    assert found is not None and found.artefact == "ONNX int8"
    assert found.legend == (("tree", "#800000"), ("sea", "#008000"))
    (one,) = found.pictures
    assert (one.name, one.caption) == (
        "b.png",
        "the same class on 50.00\N{NO-BREAK SPACE}% of the pixels",
    )
    data = base64.b64decode(one.address.partition("base64,")[2])
    strip = np.asarray(Image.open(io.BytesIO(data)))
    assert strip.shape == (16, 3 * 16 + 2 * GAP, 3)
    photo, theirs, ours = strip[:, :16], strip[:, 20:36], strip[:, 40:]
    assert (photo == 100).all() and (theirs[:, :8] == 100).all()
    # 0.4 of the photo and 0.6 of Pascal VOC's colour.
    assert theirs[0, 12].tolist() == [116, 40, 40] and ours[0, 12].tolist() == [40, 116, 40]
    assert overlays(tmp_path, manifest, []) is None
    assert overlays(tmp_path, manifest, [_line("s", "predictions/gone.npz")]) is None


def _line(sha256: str, predictions: str) -> Any:
    return EvaluationLine.model_construct(sha256=sha256, predictions=predictions)


def test_pictures_that_are_none(tmp_path: Path) -> None:
    picture = np.zeros((1, 4, 4, 3), np.uint8)
    good = Shown(np.array([1], np.int32), picture)
    for bad in (
        dataclasses.replace(good, indices=np.array([2], np.int32)),
        dataclasses.replace(good, indices=np.array([0, 1], np.int32)),
        dataclasses.replace(good, indices=np.array([0.0])),
        dataclasses.replace(good, pixels=picture[..., :2]),
        dataclasses.replace(good, pixels=picture.astype(np.float32)),
    ):
        path = write_predictions(tmp_path, "key", _predictions(bad))
        with pytest.raises(InputError, match="its pictures are none of its images"):
            read_predictions(tmp_path / path)
    path = write_predictions(tmp_path, "key", _predictions(None))
    assert read_predictions(tmp_path / path).shown is None


def _found(boxes: list[list[float]], labels: list[int], masks: bool = False) -> Found:
    """A mask covers the left half of a picture of 40 x 20 pixels."""
    half = RunLengths(20, 40, (0, 400, 400))
    return Found(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(len(labels), 0.8, np.float32),
        np.array(labels, np.int64),
        (half,) * len(labels) if masks else None,
    )


@pytest.mark.parametrize("masks", [False, True])
def test_boxes_are_drawn_on_the_whole_photo(masks: bool, tmp_path: Path) -> None:
    """One that both find, one of another class, and one of a third below what is shown."""
    reference = _found([[2, 2, 18, 18], [24, 4, 36, 16]], [0, 1], masks)
    other = _found([[2, 2, 18, 18], [24, 4, 36, 16], [0, 0, 40, 20]], [0, 2, 1], masks)
    other.scores[2] = 0.2
    pixels = np.full((1, 20, 20, 3), 100, np.uint8)
    kept = Predictions(
        images_sha256="i" * 64,
        names=("a.png",),
        task="detection",
        predictions=[other],
        reference=[reference],
        labels=np.zeros(0, np.int32),
        parts={"detection_agreement": np.array([[1.0, 4.0]])},
        shown=Shown(np.array([0], np.int32), pixels, np.array([[40, 20]], np.int32)),
    )
    path = write_predictions(tmp_path, "key", kept)
    entry = SimpleNamespace(
        sha256="s", precision="int8", rejected=False, name="ONNX int8", path="s"
    )
    manifest: Any = SimpleNamespace(
        network=SimpleNamespace(task="detection"), artefacts=(entry,), labels=("a", "b")
    )
    found = overlays(tmp_path, manifest, [_line("s", path)])
    assert found is not None
    (one,) = found.pictures
    assert one.caption == "1 alike, 1 of float alone, 1 of int8 alone"
    assert [name for name, _ in found.legend] == ["a", "b", "class 2"]
    data = base64.b64decode(one.address.partition("base64,")[2])
    strip = np.asarray(Image.open(io.BytesIO(data)))
    assert strip.shape == (10, 2 * 20 + GAP, 3)
    red, blue = (bytes.fromhex(code[1:]) for _, code in found.legend[:2])
    assert strip[1, 4].tobytes() == red == strip[1, 20 + GAP + 4].tobytes()
    # A thin frame, and a thick one where the other has none like it.
    inner = strip[2, 4].tolist()
    assert (inner == [100] * 3) == (not masks) and strip[3, 15].tobytes() == blue
    assert strip[4, 15].tobytes() == blue and strip[5, 15].tolist() == [100] * 3


def test_whole_photos_are_kept_by_how_many_detections_differ(tmp_path: Path) -> None:
    class Dataset:
        def __len__(self) -> int:
            return 3

        def sample(self, index: int) -> Any:
            size = ((640, 320), (100, 50), (30, 60))[index]
            return SimpleNamespace(image=Image.new("RGB", size, (index, 9, 9)))

    parts = {"detection_agreement": np.array([[5.0, 12.0], [0.0, 1.0], [4.0, 8.0]])}
    dataset: Any = Dataset()
    found = least_alike(parts, dataset, SPEC, ("a", "b", "c"), None)
    assert found is not None and found.sizes is not None
    assert found.indices.tolist() == [0, 1] and found.sizes.tolist() == [[640, 320], [100, 50]]
    assert found.pixels.shape == (2, 320, 320, 3)
    assert (found.pixels[0, :160] == (0, 9, 9)).all() and (found.pixels[0, 160:] == 0).all()
    assert (found.pixels[1, :50, :100] == (1, 9, 9)).all() and not found.pixels[1, 50:].any()
