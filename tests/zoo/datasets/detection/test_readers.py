"""COCO, VOC and YOLO readers: the same pictures and boxes from each, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo.datasets.detection.annotations import DetectionSet, RunLengths
from zoo.datasets.detection.coco import read_coco
from zoo.datasets.detection.voc import read_voc
from zoo.datasets.detection.yolo import read_yolo
from zoo.errors import InputError

WIDTH, HEIGHT = 40, 30


def _picture(path: Path, size: tuple[int, int] = (WIDTH, HEIGHT), orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", size, (200, 30, 30)).save(path, exif=exif)


def _coco(**changes: Any) -> dict[str, Any]:
    return {
        "info": {"year": None},
        "images": [
            {"id": 7, "file_name": "a.jpg", "width": WIDTH, "height": HEIGHT},
            {"id": 9, "file_name": "b.jpg", "width": WIDTH, "height": HEIGHT},
        ],
        "annotations": [
            {
                "image_id": 7,
                "category_id": 5,
                "bbox": [10, 5, 20, 10],
                "segmentation": [[10, 5, 30, 5, 30, 15, 10, 15]],
                "area": 200,
                "iscrowd": 0,
            }
        ],
        "categories": [{"id": 5, "name": "cat"}, {"id": 2, "name": "ant"}],
    } | changes


def _write_coco(folder: Path, **changes: Any) -> Path:
    for name in ("a.jpg", "b.jpg"):
        _picture(folder / "images" / name)
    path = folder / "data.json"
    path.write_text(json.dumps(_coco(**changes)))
    return path


def _voc_xml(body: str, name: str = "a.jpg") -> str:
    return (
        f"<annotation><filename>{name}</filename><size><width>{WIDTH}</width>"
        f"<height>{HEIGHT}</height><depth>3</depth></size>{body}</annotation>"
    )


def _voc_object(name: str, box: tuple[float, ...], extra: str = "") -> str:
    sides = "".join(
        f"<{side}>{value}</{side}>"
        for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return f"<object><name>{name}</name>{extra}<bndbox>{sides}</bndbox></object>"


def _write_voc(folder: Path, body: str) -> Path:
    _picture(folder / "JPEGImages" / "a.jpg")
    (folder / "Annotations").mkdir(exist_ok=True)
    (folder / "Annotations" / "a.xml").write_text(_voc_xml(body))
    return folder


def _write_yolo(folder: Path, lines: str) -> Path:
    _picture(folder / "images" / "val" / "a.jpg")
    (folder / "labels" / "val").mkdir(parents=True, exist_ok=True)
    (folder / "labels" / "val" / "a.txt").write_text(lines)
    return folder


def test_one_box_is_the_same_in_every_form(tmp_path: Path) -> None:
    coco = read_coco(_write_coco(tmp_path / "coco"))
    # VOC counts pixels from 1 and includes the last one.
    voc = read_voc(
        _write_voc(tmp_path / "voc", _voc_object("cat", (11, 6, 30, 15))), labels=("ant", "cat")
    )
    yolo = read_yolo(_write_yolo(tmp_path / "yolo", f"1 0.5 {10 / 30} 0.5 {10 / 30}\n"))
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
    annotations = [*_coco()["annotations"], crowd, empty]
    data = read_coco(_write_coco(tmp_path, annotations=annotations))
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
        ({"images": _coco()["images"] * 2}, "image id 7 twice"),
        ({"categories": _coco()["categories"] * 2}, "category id 2 twice"),
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
        ({"images": [{"id": 7, "file_name": "c.jpg", "width": 4, "height": 4}]}, "neither in"),
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
    path = _write_coco(tmp_path, **changes)
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
    document = _coco(annotations=[{"image_id": 7, "category_id": 5, "bbox": [0, 0, 4, 2]}])
    document["images"] = document["images"][:1]
    for shown in (False, True):
        if shown:
            document["images"][0] |= {"width": HEIGHT, "height": WIDTH}
        path = tmp_path / "data.json"
        path.write_text(json.dumps(document))
        _picture(image, orientation=6)
        wanted = (0, 0, 4, 2) if shown else (28, 0, 30, 4)
        assert _only_instance(read_coco(path)) == wanted
    xml = _voc_xml(_voc_object("cat", (1, 1, 4, 2)))
    (tmp_path / "a.xml").write_text(xml)
    assert _only_instance(read_voc(tmp_path)) == (28, 0, 30, 4)


def test_voc_in_full(tmp_path: Path) -> None:
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    body = _voc_object("dog", (2, 2, 9, 9), f"<difficult>1</difficult>{part}")
    data = read_voc(_write_voc(tmp_path, body + _voc_object("cat", (1, 1, 40, 30))))
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
        (_voc_xml(_voc_object("cat", (5, 5, 4, 9))), "has no area"),
        (_voc_xml("<object><name>cat</name></object>"), "lacks xmin"),
        (_voc_xml(_voc_object("", (1, 1, 4, 9))), "has no name"),
        (_voc_xml("", "../a.jpg"), "leaves the folder"),
        (_voc_xml("", "c.jpg"), "which is not in"),
    ],
)
def test_bad_voc_is_refused(tmp_path: Path, text: str, said: str) -> None:
    _write_voc(tmp_path, "")
    (tmp_path / "Annotations" / "a.xml").write_text(text)
    with pytest.raises(InputError, match=said):
        read_voc(tmp_path)
    with pytest.raises(InputError, match="none of the labels"):
        read_voc(_write_voc(tmp_path, _voc_object("cat", (1, 1, 4, 9))), labels=("dog",))
    with pytest.raises(InputError, match="no XML files"):
        read_voc(tmp_path / "JPEGImages")


def test_yolo_in_full(tmp_path: Path) -> None:
    _write_yolo(tmp_path, "1 0 0 0.5 0 0.5 0.5 0 0.5\n\n0 0.5 0.5 1 1\n")
    _picture(tmp_path / "images" / "val" / "empty.png")
    for name, text in {
        "classes.txt": "ant\ncat\n",
        "data.yaml": "names:\n  0: ape\n  1: bee\n",
    }.items():
        (tmp_path / name).write_text(text)
        data = read_yolo(tmp_path)
        assert data.labels == tuple(("ant", "cat") if name == "classes.txt" else ("ape", "bee"))
    first, empty = data.pictures
    polygon, whole = first.instances
    assert polygon.mask == ((0, 0, 20, 0, 20, 15, 0, 15),)
    assert polygon.box == (0, 0, 20, 15) and polygon.area == 300
    assert whole.box == (0, 0, WIDTH, HEIGHT) and whole.mask is None
    assert empty.instances == () and empty.name == "val/empty.png"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("cat 0 0 1 1", "numbers alone"),
        ("0 0.5 0.5 1", "has 3 coordinates"),
        ("0 10 5 20 10", "outside 0..1"),
        ("-1 0.5 0.5 1 1", "below 0"),
        ("0 nan 0.5 1 1", "not finite"),
        ("0 0.5 0.5 0 1", "without area"),
        ("0 0 0 0.5 0.5 1 1", "without area"),
        ("2 0.5 0.5 1 1", "outside its 2 class names"),
    ],
)
def test_bad_yolo_is_refused(tmp_path: Path, lines: str, said: str) -> None:
    _write_yolo(tmp_path, lines)
    (tmp_path / "classes.txt").write_text("ant\ncat\n")
    with pytest.raises(InputError, match=said):
        read_yolo(tmp_path)


def test_bad_yolo_folders_and_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pictures"):
        read_yolo(tmp_path)
    _picture(tmp_path / "images" / "a.jpg")
    with pytest.raises(InputError, match="no folder labels"):
        read_yolo(tmp_path)
    (tmp_path / "labels").mkdir()
    for text, said in (("names: 3", "has no names"), ("a: [", "is not YAML")):
        (tmp_path / "data.yaml").write_text(text)
        with pytest.raises(InputError, match=said):
            read_yolo(tmp_path)


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
