"""COCO, VOC and YOLO readers: the same pictures and boxes from each, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.zoo.datasets.detection.written_sets import (
    HEIGHT,
    WIDTH,
    coco_document,
    voc_object,
    voc_xml,
    write_coco,
    write_picture,
    write_voc,
    write_yolo,
)
from zoo.datasets.detection.annotations import DetectionSet, RunLengths
from zoo.datasets.detection.coco import read_coco
from zoo.datasets.detection.voc import read_voc
from zoo.datasets.detection.yolo import read_yolo
from zoo.errors import InputError


def test_one_box_is_the_same_in_every_form(tmp_path: Path) -> None:
    coco = read_coco(write_coco(tmp_path / "coco"))
    # VOC counts pixels from 1 and includes the last one.
    voc = read_voc(
        write_voc(tmp_path / "voc", voc_object("cat", (11, 6, 30, 15))), labels=("ant", "cat")
    )
    yolo = read_yolo(write_yolo(tmp_path / "yolo", f"1 0.5 {10 / 30} 0.5 {10 / 30}\n"))
    for data in (coco, voc, yolo):
        picture = data.pictures[0]
        (instance,) = picture.instances
        assert (picture.width, picture.height) == (WIDTH, HEIGHT)
        assert instance.box == pytest.approx((10, 5, 30, 15))
        assert instance.label == 1 and instance.area == pytest.approx(200)
        assert picture.read().size == (WIDTH, HEIGHT)
    assert coco.labels == voc.labels == ("ant", "cat")
    assert yolo.labels == ("0", "1")


def test_coco_in_full(tmp_path: Path) -> None:
    runs = {"size": [HEIGHT, WIDTH], "counts": [0, 2, HEIGHT * WIDTH - 2]}
    crowd = {
        "image_id": 7,
        "category_id": 2,
        "bbox": [0, 0, 1, 2],
        "segmentation": runs,
        "iscrowd": 1,
    }
    empty = {"image_id": 7, "category_id": 2, "bbox": [3, 3, 0, 2]}
    annotations = [*coco_document()["annotations"], crowd, empty]
    data = read_coco(write_coco(tmp_path, annotations=annotations))
    first, second = data.pictures
    assert second.instances == () and data.has_masks
    assert [instance.label for instance in first.instances] == [1, 0]
    assert first.instances[0].mask == ((10, 5, 30, 5, 30, 15, 10, 15),)
    assert first.instances[1].mask == RunLengths(HEIGHT, WIDTH, (0, 2, HEIGHT * WIDTH - 2))
    assert first.instances[1].crowd and first.instances[1].area == 2
    assert not read_coco(tmp_path / "data.json", masks=False).has_masks


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"images": []}, "lists no images"),
        ({"categories": []}, "lists no categories"),
        ({"images": coco_document()["images"] * 2}, "image id 7 twice"),
        ({"categories": coco_document()["categories"] * 2}, "category id 2 twice"),
        ({"annotations": "none"}, "annotations"),
        ({"annotations": [{"image_id": 8, "category_id": 5, "bbox": [0, 0, 1, 1]}]}, "image id 8"),
        (
            {"annotations": [{"image_id": 7, "category_id": 6, "bbox": [0, 0, 1, 1]}]},
            "category id 6",
        ),
        ({"annotations": [{"image_id": 7, "category_id": 5, "bbox": [0, 0, 1]}]}, "bbox"),
        (
            {"images": [{"id": 7, "file_name": "../a.jpg", "width": 4, "height": 4}]},
            "leaves the folder",
        ),
        ({"images": [{"id": 7, "file_name": "c.jpg", "width": 4, "height": 4}]}, "in none of"),
        (
            {"images": [{"id": 7, "file_name": "a.jpg", "width": 41, "height": 30}]},
            "41x30 pixels, the file has 40x30",
        ),
        (
            {
                "annotations": [
                    {
                        "image_id": 7,
                        "category_id": 5,
                        "bbox": [0, 0, 1, 1],
                        "segmentation": [[1, 2, 3, 4]],
                    }
                ]
            },
            "polygon of 4 numbers",
        ),
        (
            {
                "annotations": [
                    {
                        "image_id": 7,
                        "category_id": 5,
                        "bbox": [0, 0, 1, 1],
                        "segmentation": {"size": [30, 40], "counts": [3, 4]},
                    }
                ]
            },
            "has not its 40x30 pixels",
        ),
    ],
)
def test_bad_coco_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = write_coco(tmp_path, **changes)
    with pytest.raises(InputError) as error:
        read_coco(path)
    assert said in str(error.value) and "\n" not in str(error.value)


def _only_instance(data: DetectionSet) -> tuple[float, ...]:
    (picture,) = data.pictures
    (instance,) = picture.instances
    assert picture.read().size == (picture.width, picture.height)
    return instance.box


def test_boxes_of_pictures_held_upright(tmp_path: Path) -> None:
    # Stored 40 x 30, shown 30 x 40 (orientation 6). Its stored left upper corner is shown right.
    image = tmp_path / "images" / "a.jpg"
    document = coco_document(annotations=[{"image_id": 7, "category_id": 5, "bbox": [0, 0, 4, 2]}])
    document["images"] = document["images"][:1]
    for shown in (False, True):
        if shown:
            document["images"][0] |= {"width": HEIGHT, "height": WIDTH}
        path = tmp_path / "data.json"
        path.write_text(json.dumps(document))
        write_picture(image, orientation=6)
        wanted = (0, 0, 4, 2) if shown else (28, 0, 30, 4)
        assert _only_instance(read_coco(path)) == wanted
    xml = voc_xml(voc_object("cat", (1, 1, 4, 2)))
    (tmp_path / "a.xml").write_text(xml)
    assert _only_instance(read_voc(tmp_path)) == (28, 0, 30, 4)


def test_voc_in_full(tmp_path: Path) -> None:
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    body = voc_object("dog", (2, 2, 9, 9), f"<difficult>1</difficult>{part}")
    data = read_voc(write_voc(tmp_path, body + voc_object("cat", (1, 1, 40, 30))))
    dog, cat = data.pictures[0].instances
    assert data.labels == ("cat", "dog")
    assert dog.box == (1, 1, 9, 9) and dog.crowd and dog.label == 1
    assert cat.box == (0, 0, 40, 30) and not cat.crowd


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<annotation>", "is not XML"),
        ("<other/>", "is no VOC annotation"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotation>&b;</annotation>", "entities"),
        (voc_xml(voc_object("cat", (5, 5, 4, 9))), "has no area"),
        (voc_xml("<object><name>cat</name></object>"), "lacks xmin"),
        (voc_xml(voc_object("", (1, 1, 4, 9))), "has no name"),
        (voc_xml("", "../a.jpg"), "leaves the folder"),
        (voc_xml("", "c.jpg"), "which is in none of"),
    ],
)
def test_bad_voc_is_refused(tmp_path: Path, text: str, said: str) -> None:
    write_voc(tmp_path, "")
    (tmp_path / "Annotations" / "a.xml").write_text(text)
    with pytest.raises(InputError, match=said):
        read_voc(tmp_path)
    with pytest.raises(InputError, match="none of the labels"):
        read_voc(write_voc(tmp_path, voc_object("cat", (1, 1, 4, 9))), labels=("dog",))
    with pytest.raises(InputError, match="no XML files"):
        read_voc(tmp_path / "JPEGImages")


def test_the_shared_photos(shared: Path) -> None:
    boxes = read_coco(shared / "data" / "coco_dev" / "boxes.json")
    assert len(boxes.pictures) == 64 and len(boxes.labels) == 80 and not boxes.has_masks
    assert sum(len(picture.instances) for picture in boxes.pictures) == 461
    masks = read_coco(shared / "data" / "coco_dev" / "instances.json")
    assert len(masks.pictures) == 50 and masks.has_masks
    for picture in masks.pictures:
        for instance in picture.instances:
            left, top, right, bottom = instance.box
            assert 0 <= left < right <= picture.width and 0 <= top < bottom <= picture.height
