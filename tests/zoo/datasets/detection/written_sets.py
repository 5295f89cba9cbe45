"""Small detection sets, written as COCO, VOC and YOLO have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

WIDTH, HEIGHT = 40, 30


def write_picture(
    path: Path, size: tuple[int, int] = (WIDTH, HEIGHT), orientation: int = 1
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", size, (200, 30, 30)).save(path, exif=exif)


def coco_document(**changes: Any) -> dict[str, Any]:
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


def write_coco(folder: Path, **changes: Any) -> Path:
    for name in ("a.jpg", "b.jpg"):
        write_picture(folder / "images" / name)
    path = folder / "data.json"
    path.write_text(json.dumps(coco_document(**changes)))
    return path


def voc_xml(body: str, name: str = "a.jpg") -> str:
    return (
        f"<annotation><filename>{name}</filename><size><width>{WIDTH}</width>"
        f"<height>{HEIGHT}</height><depth>3</depth></size>{body}</annotation>"
    )


def voc_object(name: str, box: tuple[float, ...], extra: str = "") -> str:
    sides = "".join(
        f"<{side}>{value}</{side}>"
        for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return f"<object><name>{name}</name>{extra}<bndbox>{sides}</bndbox></object>"


def write_voc(folder: Path, body: str) -> Path:
    write_picture(folder / "JPEGImages" / "a.jpg")
    (folder / "Annotations").mkdir(exist_ok=True)
    (folder / "Annotations" / "a.xml").write_text(voc_xml(body))
    return folder


def write_yolo(folder: Path, lines: str) -> Path:
    write_picture(folder / "images" / "val" / "a.jpg")
    (folder / "labels" / "val").mkdir(parents=True, exist_ok=True)
    (folder / "labels" / "val" / "a.txt").write_text(lines)
    return folder
