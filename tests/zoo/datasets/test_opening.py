from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.datasets import BadImageError, Part, Sample, batches, evenly_spaced, open_dataset
from zoo.embedded import LABELS
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.preprocess import Frame, preprocess

SPEC = InputSpec(16, 16, crop_pct=1.0)


def _save(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 24, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(["cat/a.png", "cat/b.jpg", "dog/a.png", "hen/sub/x.jpeg"]):
        _save(tmp_path / name, number)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    for number in range(6):
        _save(tmp_path / "images" / f"{number}.png", number)
    rows = "".join(f"images/{number}.png,{number % 3},someone\n" for number in range(6))
    (tmp_path / "labels.csv").write_text("image,label,author\n" + rows)
    return tmp_path


def _error(path: Path | str, **options: object) -> str:
    with pytest.raises(InputError) as error:
        open_dataset(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_image_folder(folder: Path) -> None:
    dataset = open_dataset(folder)
    assert dataset.labels() == ("cat", "dog", "hen")
    assert [(s.name, s.label) for s in dataset] == [
        ("cat/a.png", 0),
        ("cat/b.jpg", 0),
        ("dog/a.png", 1),
        ("hen/sub/x.jpeg", 2),
    ]


def test_image_folder_agrees_with_torchvision(folder: Path) -> None:
    from torchvision.datasets import ImageFolder

    (folder / ".hidden").rmdir()
    theirs = ImageFolder(folder)
    ours = open_dataset(folder)
    assert [s.label for s in ours] == [label for _, label in theirs.samples]
    assert list(ours.labels()) == theirs.classes


def test_folder_names_that_mean_something_else(tmp_path: Path) -> None:
    for name in ("10", "2"):
        _save(tmp_path / "numbers" / name / "a.png", 0)
    assert [s.label for s in open_dataset(tmp_path / "numbers")] == [10, 2]
    for name in ("Coat", "Bag"):
        _save(tmp_path / "labels" / name / "a.png", 0)
    dataset = open_dataset(tmp_path / "labels", network_labels=LABELS)
    assert {LABELS[s.label] for s in dataset if s.label is not None} == {"Coat", "Bag"}
    for name in ("n02099601", "n01440764"):  # golden retriever 207, tench 0
        _save(tmp_path / "imagenet" / name / "a.png", 0)
    assert [s.label for s in open_dataset(tmp_path / "imagenet", num_classes=1000)] == [0, 207]
    assert [s.label for s in open_dataset(tmp_path / "imagenet", num_classes=2)] == [0, 1]


def test_labels_csv(listed: Path) -> None:
    dataset = open_dataset(listed, num_classes=3)
    assert len(dataset) == 6
    assert [s.label for s in dataset] == [0, 1, 2, 0, 1, 2]
    assert dataset.labels() == ()


def test_calibration_reads_images_only(listed: Path, folder: Path, tmp_path: Path) -> None:
    (listed / "labels.csv").write_text("image\nimages/0.png\n")
    assert [s.label for s in open_dataset(listed, labelled=False)] == [None]
    (listed / "labels.csv").write_text("image,label\nimages/0.png,zebra\n")
    assert [s.label for s in open_dataset(listed, labelled=False)] == [None]
    flat = listed / "images"
    assert len(open_dataset(flat, labelled=False)) == 6
    assert "labels.csv" in _error(flat)
    _, labels, *_ = next(batches(open_dataset(flat, labelled=False), SPEC, 2))
    assert labels.tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("image,label\nimages/9.png,0\n", "line 2 names images/9.png, which is not in"),
        ("image,label\nimages/0.png,0\nimages/0.png,1\n", "line 3 repeats images/0.png"),
        ("image,label\nimages/0.png,cat\n", "label 'cat'"),
        ("image,label\nimages/0.png\n", "label ''"),
        ("image,label\n,3\n", "names no image"),
        ("image,label\nimages/0.png,3\n", "outside the network's classes 0..2"),
        ("image,label\nimages/0.png,-1\n", "outside the network's classes 0..2"),
        ("file,label\nimages/0.png,0\n", "no column 'image'"),
        ("image,class\nimages/0.png,0\n", "no column 'label'"),
        ("", "no column 'image'"),
        ("image,label\n", "holds no images"),
    ],
)
def test_bad_labels_csv(listed: Path, content: str, said: str) -> None:
    (listed / "labels.csv").write_text(content)
    assert said in _error(listed, num_classes=3)


def test_labels_csv_that_is_no_text(listed: Path) -> None:
    (listed / "labels.csv").write_bytes(b"image,label\n\xff\xfe\x00,1\n")
    assert "UTF-8" in _error(listed)


def test_bad_folders(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "numbered").mkdir()
    for name in ("cat", "dog", "hen"):
        (folder / name).rename(tmp_path / "numbered" / str(ord(name[0]) - ord("a")))
    assert "outside the network's classes 0..6" in _error(tmp_path / "numbered", num_classes=7)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    assert "holds no images" in _error(tmp_path / "empty")
    assert "holds no images" in _error(tmp_path / "empty", labelled=False)
    assert "fashion-mnist" in _error(tmp_path / "missing")
    assert "is a file" in _error(tmp_path / "file")


def test_an_empty_class_is_an_error(folder: Path) -> None:
    (folder / "ant").mkdir()
    assert "class folder ant holds no images" in _error(folder)


def test_an_unreadable_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)  # root may read anything
    assert "Permission denied" in _error(folder)


def test_batches_are_preprocessed_in_order(listed: Path) -> None:
    dataset = open_dataset(listed)
    found = list(batches(dataset, SPEC, 4))
    assert [batch.images.shape for batch in found] == [(4, 3, 16, 16), (2, 3, 16, 16)]
    assert [batch.targets.tolist() for batch in found] == [[0, 1, 2, 0], [1, 2]]
    assert found[0].images.dtype == np.float32
    assert found[0].targets.dtype == np.int64
    names = [name for batch in found for name in batch.names]
    assert names == [f"images/{number}.png" for number in range(6)]
    expected = np.stack([preprocess(sample.image, SPEC) for sample in dataset])
    assert np.array_equal(np.concatenate([batch.images for batch in found]), expected)


def test_a_limit_is_spread_over_the_classes(listed: Path) -> None:
    assert evenly_spaced(10, 5) == [0, 2, 4, 6, 8]
    assert evenly_spaced(3, 9) == evenly_spaced(3, None) == [0, 1, 2]
    assert len(set(evenly_spaced(10_000, 2_000))) == 2_000
    dataset = open_dataset(listed)
    assert [n for _, _, names, _ in batches(dataset, SPEC, 2, 3) for n in names] == [
        "images/0.png",
        "images/2.png",
        "images/4.png",
    ]
    with pytest.raises(InputError):
        evenly_spaced(10, 0)


@pytest.fixture
def corrupt(listed: Path) -> Path:
    whole = (listed / "images" / "1.png").read_bytes()
    (listed / "images" / "1.png").write_bytes(whole[: len(whole) // 2])
    (listed / "images" / "4.png").write_text("not an image")
    return listed


def test_corrupt_images_are_named_and_counted(corrupt: Path) -> None:
    with pytest.raises(InputError) as error:
        list(batches(open_dataset(corrupt), SPEC, 2))
    text = str(error.value)
    assert "1.png" in text
    assert "one of 2 such" in text
    assert "--skip-bad-images" in text
    assert "\n" not in text
    (corrupt / "images" / "4.png").unlink()
    _save(corrupt / "images" / "4.png", 4)
    with pytest.raises(BadImageError):
        list(batches(open_dataset(corrupt), SPEC, 2))
    with pytest.raises(BadImageError):
        list(open_dataset(corrupt))


def test_corrupt_images_can_be_skipped(corrupt: Path) -> None:
    dataset = open_dataset(corrupt, skip_bad_images=True)
    for _ in range(2):  # a second pass counts nothing twice
        parts = list(batches(dataset, SPEC, 3))
        assert [labels.tolist() for _, labels, *_ in parts] == [[0, 2], [0, 2]]
        assert len(dataset.skipped) == 2
    assert all(name.endswith(("1.png", "4.png")) for name in dataset.skipped)
    assert len(list(dataset)) == 4


def test_parts_hold_the_same_batches(corrupt: Path) -> None:
    """However many parts; also where images are left out, and where there is nothing in one."""
    dataset = open_dataset(corrupt, skip_bad_images=True)
    whole = [batch.names for batch in batches(dataset, SPEC, 2, 5)]
    for of in (1, 2, 3, 7):
        parts = [list(batches(dataset, SPEC, 2, 5, part=Part(k, of))) for k in range(of)]
        assert [batch.names for part in parts for batch in part] == whole


def test_nothing_but_corrupt_images(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("x")
    dataset = open_dataset(tmp_path, labelled=False, skip_bad_images=True)
    with pytest.raises(InputError, match="none of its images"):
        list(batches(dataset, SPEC))


def test_abandoned_batches_stop_decoding(listed: Path) -> None:
    for _ in batches(open_dataset(listed), SPEC, 1):
        break


def test_the_embedded_names() -> None:
    test, calibration = open_dataset("fashion-mnist"), open_dataset("fashion-mnist-calibration")
    assert (len(test), len(calibration)) == (10_000, 512)
    assert test.labels() == LABELS
    sample = test.sample(0)
    assert (sample.label, sample.image.mode, sample.image.size) == (9, "RGB", (28, 28))
    assert "outside the network's classes 0..4" in _error("fashion-mnist", num_classes=5)
    assert open_dataset("fashion-mnist", labelled=False, num_classes=5)


def test_decoding_overlaps(listed: Path) -> None:
    """Every image waits until three are being decoded at once."""
    dataset, together = open_dataset(listed), threading.Barrier(3)

    class Waiting:
        name, skip_bad_images = "waiting", False
        skipped: dict[str, str] = {}  # noqa: RUF012

        def __len__(self) -> int:
            return 6

        def sample(self, index: int) -> object:
            together.wait(timeout=30)
            return dataset.sample(index)

        def target(self, sample: Sample, spec: InputSpec) -> tuple[object, Frame]:
            return dataset.target(sample, spec)

    assert sum(len(labels) for _, labels, *_ in batches(Waiting(), SPEC, 2, threads=3)) == 6
