from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from zoo.datasets import open_dataset
from zoo.errors import InputError

LABELS = ("dog", "cat", "Golden Retriever")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (8, 8)).save(root / f"{name}.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "outside.png")
    return root


def _open(folder: Path, rows: str, labels: tuple[str, ...] = LABELS) -> list[int | None]:
    (folder / "labels.csv").write_text("image,label\n" + rows)
    dataset = open_dataset(folder, num_classes=len(labels) or None, network_labels=labels)
    return [sample.label for sample in dataset]


def _error(folder: Path, rows: str, labels: tuple[str, ...] = LABELS) -> str:
    with pytest.raises(InputError) as error:
        _open(folder, rows, labels)
    assert "\n" not in str(error.value) and len(str(error.value)) <= 300
    return str(error.value)


def test_names_in_place_of_indices(folder: Path) -> None:
    assert _open(folder, "a.png,Cat\nb.png,golden_retriever\n") == [1, 2]
    assert "label 'zebra', none of the network's labels (dog, cat, Golden" in _error(
        folder, "a.png,Cat\nb.png,zebra\n"
    )
    assert "line 3 has label 'cat'; labels are integer" in _error(folder, "a.png,1\nb.png,cat\n")
    for labels in ((), ("0", "1")):
        assert "labels are integer class indices" in _error(folder, "a.png,cat\n", labels)


def test_numbers_are_always_indices(folder: Path) -> None:
    assert _open(folder, "a.png,1\nb.png, 0\n", ("1", "0")) == [1, 0]


@pytest.mark.parametrize("label", ["1_0", "1.0", "+1", "٣", "9" * 5000, "1e0", "nan", ""])
def test_what_is_no_index(folder: Path, label: str) -> None:
    assert "labels are integer class indices" in _error(folder, f"a.png,{label}\n", ())


@pytest.mark.parametrize(
    "image", ["../outside.png", "sub/../../outside.png", "ABSOLUTE", "link.png"]
)
def test_no_image_is_read_from_outside_the_folder(folder: Path, image: str) -> None:
    outside = folder.parent / "outside.png"
    (folder / "link.png").symlink_to(outside)
    (folder / "sub").mkdir()
    name = str(outside) if image == "ABSOLUTE" else image
    assert "is outside" in _error(folder, f"{name},0\n")


def test_a_folder_that_is_itself_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert _open(tmp_path / "link", "a.png,0\n") == [0]


@pytest.mark.parametrize("image", ["x" * 5000, "nul\0.png", "a.png/b.png", "\ud800.png"])
def test_names_no_file_can_have(folder: Path, image: str) -> None:
    (folder / "labels.csv").write_bytes(
        b"image,label\n" + image.encode("utf-8", "surrogatepass") + b",0\n"
    )
    with pytest.raises(InputError) as error:
        open_dataset(folder)
    assert "\n" not in str(error.value) and len(str(error.value)) <= 300


def test_a_table_that_is_no_file(folder: Path) -> None:
    os.mkfifo(folder / "labels.csv")
    with pytest.raises(InputError, match="is no file"):
        open_dataset(folder)


def test_ragged_rows(folder: Path) -> None:
    assert _open(folder, "a.png,0,more,and more\n\nb.png,1\n") == [0, 1]
    assert "label ''" in _error(folder, "a.png\n")
