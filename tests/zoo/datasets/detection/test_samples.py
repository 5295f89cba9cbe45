"""Detection data of every kind, opened as what a detector is scored on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.zoo.datasets.detection.written_sets import (
    voc_object,
    write_coco,
    write_picture,
    write_voc,
    write_yolo,
)
from zoo.datasets import batches, open_pictures, open_scored
from zoo.errors import InputError
from zoo.input_spec import InputSpec

SPEC = InputSpec(40, 40, crop_pct=1.0, crop_mode="letterbox")


def test_a_coco_file_becomes_batches(tmp_path: Path) -> None:
    dataset = open_scored("detection", write_coco(tmp_path), num_classes=2)
    (batch,) = batches(dataset, SPEC)
    assert batch.images.shape == (2, 3, 40, 40) and batch.names == ("a.jpg", "b.jpg")
    first, second = batch.targets
    assert first.instances[0].label == 1 and second.instances == ()
    assert batch.frames is not None
    back = batch.frames[0].to_picture(np.array([[0, 0, 40, 30]], np.float32))
    assert back.tolist() == [[0, 0, 40, 30]]


def test_all_kinds_are_told_apart(tmp_path: Path) -> None:
    voc = write_voc(tmp_path / "voc", voc_object("cat", (1, 1, 20, 20)))
    yolo = write_yolo(tmp_path / "yolo", "0 0.5 0.5 0.2 0.2")
    for path in (write_coco(tmp_path / "coco"), voc, yolo):
        assert len(open_scored("detection", path)) == len(open_pictures("detection", path))
    write_picture(tmp_path / "plain" / "a.jpg")
    assert len(open_pictures("detection", tmp_path / "plain")) == 1
    for path, reason in {
        tmp_path / "plain": "holds no detection data",
        tmp_path / "none": "no such file or folder",
        tmp_path / "plain" / "a.jpg": "holds no detection data",
    }.items():
        with pytest.raises(InputError, match=reason):
            open_scored("detection", path)


def test_classes_are_matched_by_name(tmp_path: Path) -> None:
    data = write_coco(tmp_path)  # ant, cat; the object is a cat
    dataset = open_scored("detection", data, num_classes=3, network_labels=("Cat", "dog", "ant"))
    assert dataset.sample(0).target.instances[0].label == 0
    assert dataset.labels() == ("Cat", "dog", "ant")
    by_index = open_scored("detection", data, num_classes=2, network_labels=("0", "1"))
    assert by_index.sample(0).target.instances[0].label == 1
    with pytest.raises(InputError, match=r"has the class ant, which is none of the network's 3"):
        open_scored("detection", data, num_classes=3, network_labels=("cat", "dog", "bird"))
    with pytest.raises(InputError, match="has 2 classes and the network 1"):
        open_scored("detection", data, num_classes=1)


def test_the_content_is_that_of_picture_and_objects(tmp_path: Path) -> None:
    data = write_coco(tmp_path)
    first = open_scored("detection", data)
    same = open_scored("detection", data)
    assert first.content("a.jpg") == same.content("a.jpg")
    moved = data.read_text().replace("[10, 5, 20, 10]", "[11, 5, 20, 10]")
    data.write_text(moved)
    other = open_scored("detection", data)
    assert first.content("a.jpg") != other.content("a.jpg")
    assert first.content("b.jpg") == other.content("b.jpg")
