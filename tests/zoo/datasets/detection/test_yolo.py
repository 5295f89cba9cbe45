"""YOLO's text files: what is read of them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.zoo.datasets.detection.written_sets import HEIGHT, WIDTH, write_picture, write_yolo
from zoo.datasets.detection.yolo import read_yolo
from zoo.errors import InputError


def test_yolo_in_full(tmp_path: Path) -> None:
    write_yolo(tmp_path, "1 0 0 0.5 0 0.5 0.5 0 0.5\n\n0 0.5 0.5 1 1\n")
    write_picture(tmp_path / "images" / "val" / "empty.png")
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
    write_yolo(tmp_path, lines)
    (tmp_path / "classes.txt").write_text("ant\ncat\n")
    with pytest.raises(InputError, match=said):
        read_yolo(tmp_path)


def test_bad_yolo_folders_and_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pictures"):
        read_yolo(tmp_path)
    write_picture(tmp_path / "images" / "a.jpg")
    with pytest.raises(InputError, match="no folder labels"):
        read_yolo(tmp_path)
    (tmp_path / "labels").mkdir()
    for text, said in (("names: 3", "has no names"), ("a: [", "is not YAML")):
        (tmp_path / "data.yaml").write_text(text)
        with pytest.raises(InputError, match=said):
            read_yolo(tmp_path)
