"""Images with masks: every kind of ids, and what is wrong with a folder, in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from zoo.datasets import Dataset
from zoo.datasets.mask_classes import IGNORE
from zoo.datasets.mask_files import read_ids, voc_palette
from zoo.datasets.masks import open_masks, place_mask
from zoo.embedded import LABELS
from zoo.errors import InputError
from zoo.input_spec import CropMode, InputSpec
from zoo.preprocess import resize_and_crop
from zoo.scenes import open_scenes

IDS = np.array([[0, 1, 2, 255], [3, 3, 0, 0]], np.uint8)
LABELLED = ("background", "cat", "dog", "potted plant")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    _add(root, "a", Image.fromarray(IDS))
    return root


def _add(root: Path, name: str, mask: Image.Image, size: tuple[int, int] = (4, 2)) -> None:
    Image.new("RGB", size, (10, 20, 30)).save(root / "images" / f"{name}.jpg")
    mask.save(root / "masks" / f"{name}.png")


def _masks(dataset: Dataset) -> list[list[list[int]]]:
    return [sample.target.tolist() for sample in dataset]


def _line(root: Path, **arguments: object) -> str:
    with pytest.raises(InputError) as error:
        list(open_masks(root, **{"num_classes": 4, **arguments}))  # type: ignore[arg-type]
    assert "\n" not in str(error.value) and len(str(error.value)) <= 300
    return str(error.value)


def _with_palette(ids: NDArray[np.uint8], colours: NDArray[np.uint8]) -> Image.Image:
    image = Image.fromarray(ids, mode="P")
    image.putpalette(colours.ravel().tolist())
    return image


def test_palette_is_pascal_vocs() -> None:
    # Of the VOC devkit's colour map: background, aeroplane, bicycle, ..., tv/monitor, void.
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 7: (128, 128, 128), 8: (64, 0, 0)}
    known |= {15: (192, 128, 128), 20: (0, 64, 128), 255: (224, 224, 192)}
    assert {index: tuple(voc_palette()[index].tolist()) for index in known} == known
    assert len({tuple(colour) for colour in voc_palette().tolist()}) == 256


@pytest.mark.parametrize(
    "mask",
    [
        Image.fromarray(IDS),
        Image.fromarray(IDS.astype(np.uint16)),
        _with_palette(IDS, voc_palette()),
        _with_palette(IDS, voc_palette()[::-1]),  # the index counts, not how it is shown
        Image.fromarray(voc_palette()[IDS]),
        Image.fromarray(IDS).convert("RGB"),
    ],
    ids=["grey", "16 bits", "palette", "own palette", "colours", "grey in colour"],
)
def test_ids_are_classes_however_they_are_stored(folder: Path, mask: Image.Image) -> None:
    mask.save(folder / "masks" / "a.png")
    (sample,) = open_masks(folder, num_classes=4)
    assert sample.name == "a.jpg" and sample.image.size == (4, 2)
    assert sample.target.dtype == np.uint8 and sample.target.tolist() == IDS.tolist()


def test_a_mask_of_one_bit_has_two_classes(folder: Path) -> None:
    Image.fromarray((IDS == 3).astype(np.uint8) * 255).convert("1").save(folder / "masks/a.png")
    assert _masks(open_masks(folder, num_classes=2)) == [(IDS == 3).astype(int).tolist()]


def test_another_value_to_ignore(folder: Path) -> None:
    Image.fromarray(np.where(IDS == 255, 0, IDS + 1).astype(np.uint8)).save(folder / "masks/a.png")
    found = _masks(open_masks(folder, num_classes=5, ignore=0))
    assert found == [np.where(IDS == 255, IGNORE, IDS.astype(int) + 1).tolist()]
    assert "has the id 255, which is none of the classes 0..3 nor 0" in _line(
        _grey(folder, IDS), ignore=0
    )


def _grey(root: Path, ids: NDArray[np.uint8]) -> Path:
    Image.fromarray(ids).save(root / "masks" / "a.png")
    return root


@pytest.mark.parametrize(
    "written",
    [
        {"0": "background", "1": "Dog", "2": 1, "3": "potted_plant", "255": None},
        {"0": 0, "1": 2, "2": "cat", "3": 3, "255": "unlabeled", "77": "void"},
    ],
)
def test_a_class_map_by_name_index_and_null(folder: Path, written: dict[str, object]) -> None:
    (folder / "mask_classes.json").write_text(json.dumps(written))
    found = _masks(open_masks(folder, num_classes=4, network_labels=LABELLED))
    assert found == [[[0, 2, 1, IGNORE], [3, 3, 0, 0]]]


def test_names_without_labels_are_numbered_by_id(folder: Path) -> None:
    names = {"255": "wall", "3": "chair", "2": "lamp", "1": "sky", "0": "unlabeled"}
    (folder / "mask_classes.json").write_text(json.dumps(names))
    assert _masks(open_masks(folder, num_classes=4, network_labels=tuple("0123"))) == [
        [[IGNORE, 0, 1, 3], [2, 2, IGNORE, IGNORE]]
    ]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('{"0": 0, "1": 1, "2": 2}', "a.png: has the ids 3, 255, which the class map lacks"),
        ('{"0": "zebra"}', "id 0 is zebra, none of the network's labels (background, cat, dog"),
        ('{"0": "zebra", "5": "gnu"}', "id 0 is zebra and 1 others"),
        ('{"0": 4}', "maps id 0 to 4, which is no class of 0..3"),
        ('{"0": -1}', "maps id 0 to -1"),
        ('{"0": true}', "maps id 0 to True"),
        ('{"0": 1.5}', "maps id 0 to 1.5"),
        ('{"0": [1]}', "maps id 0 to [1]"),
        ('{"person": 1}', "mask_classes.json: person is no id"),
        ('{"-1": 1}', "-1 is no id"),
        ("[1, 2]", "holds no JSON object"),
        ("{", "mask_classes.json: is not JSON"),
        ('{"0": 0, "0": 1}', "holds the key 0 twice"),
    ],
)
def test_class_maps_that_cannot_be_used(folder: Path, written: str, said: str) -> None:
    (folder / "mask_classes.json").write_text(written)
    assert said in _line(folder, network_labels=LABELLED)


def test_cocos_panoptic_ids(folder: Path) -> None:
    """Segments of the ids 8 + 256 * 9 and 70000, which need more than one channel."""
    ids = np.array([[0, 2312, 2312, 70000], [70000, 0, 0, 0]])
    colours = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=2).astype(np.uint8)
    Image.fromarray(colours).save(folder / "masks" / "a.png")
    document = {
        "categories": [{"id": 17, "name": "cat", "isthing": 1}, {"id": 64, "name": "potted plant"}],
        "annotations": [
            {
                "file_name": "a.png",
                "segments_info": [
                    {"id": 2312, "category_id": 64},
                    {"id": 70000, "category_id": 17},
                ],
            }
        ],
    }
    (folder / "panoptic.json").write_text(json.dumps(document))
    arguments = {"num_classes": 4, "network_labels": LABELLED}
    found = _masks(open_masks(folder, **arguments))  # type: ignore[arg-type]
    assert found == [[[IGNORE, 3, 3, 1], [1, IGNORE, IGNORE, IGNORE]]]

    document["annotations"][0]["segments_info"].pop()  # type: ignore[attr-defined]
    (folder / "panoptic.json").write_text(json.dumps(document))
    assert "a.png: has the id 70000, which the class map lacks" in _line(folder, **arguments)
    document["annotations"][0]["file_name"] = "b.png"  # type: ignore[index]
    (folder / "panoptic.json").write_text(json.dumps(document))
    assert "panoptic.json: has no annotation for the mask a.png" in _line(folder, **arguments)
    document["categories"] = document["categories"][:1]
    (folder / "panoptic.json").write_text(json.dumps(document))
    assert "has segments of the category 64, which it does not list" in _line(folder, **arguments)
    (folder / "panoptic.json").write_text('{"annotations": []}')
    assert "panoptic.json: categories: Field required" in _line(folder, **arguments)


def test_ids_that_are_no_classes_are_named(folder: Path) -> None:
    assert "a.png: has the id 3, which is none of the classes 0..2 nor 255" in _line(
        folder, num_classes=3
    )
    assert "a.png: has the ids 1, 2, 3, which is" in _line(folder, num_classes=1)


def test_a_mask_of_0_and_255_is_asked_about(folder: Path) -> None:
    _grey(folder, np.where(IDS == 3, 255, 0).astype(np.uint8))
    assert 'write {"0": 0, "255": 1} as class map' in _line(folder, num_classes=2)
    (folder / "mask_classes.json").write_text('{"0": 0, "255": 1}')
    assert _masks(open_masks(folder, num_classes=2)) == [(IDS == 3).astype(int).tolist()]


def test_a_mask_of_another_size(folder: Path) -> None:
    _add(folder, "b", Image.fromarray(IDS), size=(5, 2))
    assert "b.png: has 4x2 pixels where its image has 5x2" in _line(folder)


def test_a_picture_that_exif_turns_needs_an_upright_mask(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 2)).save(folder / "images" / "a.jpg", exif=exif)
    assert "a.png: has 4x2 pixels where its image has 2x4; masks need" in _line(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "a.png: cannot be read as a mask (not a PNG file"),
        (b"\xff\xd8\xff\xe0 nothing", "not a PNG file"),
        (b"\x89PNG\r\n\x1a\n nothing", "a.png: cannot be read as a mask ("),
    ],
)
def test_files_that_are_no_masks(folder: Path, content: bytes, said: str) -> None:
    (folder / "masks" / "a.png").write_bytes(content)
    assert said in _line(folder)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_no_class(folder: Path, mode: str) -> None:
    Image.new(mode, (4, 2)).save(folder / "masks" / "a.png")
    assert f"its mode is {mode}; save ids in grey" in _line(folder)


def test_colours_of_no_palette(folder: Path) -> None:
    Image.new("RGB", (4, 2), (200, 10, 10)).save(folder / "masks" / "a.png")
    assert "its colour (200, 10, 10) is none of Pascal VOC's palette" in _line(folder)


def test_images_without_masks_are_left_out_and_masks_need_images(folder: Path) -> None:
    Image.new("RGB", (4, 2)).save(folder / "images" / "lonely.jpg")
    assert [sample.name for sample in open_masks(folder)] == ["a.jpg"]
    Image.fromarray(IDS).save(folder / "masks" / "b.png")
    assert "b.png: has no image images/b.*; add it" in _line(folder)
    Image.new("RGB", (4, 2)).save(folder / "images" / "a.png")
    assert "have one mask; rename one of them" in _line(folder)


def test_folders_that_lack_something(tmp_path: Path) -> None:
    assert "nothing: no such folder" in _line(tmp_path / "nothing")
    root = tmp_path / "empty"
    root.mkdir()
    assert "empty: has no folder images/" in _line(root)
    (root / "images").mkdir()
    assert "empty: has no folder masks/" in _line(root)
    (root / "masks").mkdir()
    assert "masks: holds no PNG files" in _line(root)


def test_masks_in_subfolders(folder: Path) -> None:
    for part in ("images", "masks"):
        (folder / part / "city").mkdir()
    _add(folder, "city/a", Image.fromarray(IDS))
    assert [sample.name for sample in open_masks(folder, num_classes=4)] == ["a.jpg", "city/a.jpg"]


def test_scenes_are_a_set_with_masks() -> None:
    dataset = open_masks("fashion-scenes")
    assert len(dataset) == 2000 and dataset.labels() == ("background", *LABELS)
    sample, scene = dataset.sample(5), open_scenes("fashion-scenes").scene(5)
    assert sample.name == "fashion-scenes/00005"
    assert (np.asarray(sample.image) == scene.pixels).all()
    assert (sample.target == scene.semantic).all()


@pytest.mark.parametrize("mode", ["center", "border", "squash"])
@pytest.mark.parametrize(("width", "height"), [(64, 48), (30, 90), (33, 33)])
def test_masks_lie_as_their_images(mode: CropMode, width: int, height: int) -> None:
    """A mask drawn as a picture, resized by nearest neighbours as images are, is the oracle."""
    spec = InputSpec(32, 40, crop_pct=0.9, interpolation="nearest", crop_mode=mode)
    mask = np.random.default_rng(0).integers(0, 21, (height, width), dtype=np.uint8)
    grey = resize_and_crop(Image.fromarray(mask).convert("RGB"), spec)
    padding = {round(255 * mean) for mean in spec.mean}
    wanted = np.asarray(grey)
    found = place_mask(mask, spec)
    inside = found != IGNORE
    assert (found[inside] == wanted[inside][:, 0]).all()
    assert set(wanted[~inside].ravel().tolist()) <= padding | {0}
    assert inside.all() or mode == "border"


def test_of_coco(shared: Path) -> None:
    """Real photos with category ids, of which a map takes those that the network knows."""
    root = shared / "data" / "coco_dev"
    names = json.loads((root / "mask_classes.json").read_text())
    labels = tuple(names[number] for number in sorted(names, key=int) if number != "0")
    dataset = open_masks(root, num_classes=len(labels), network_labels=labels)
    assert len(dataset) == 50
    sample = dataset.sample(0)
    ids = read_ids(root / "masks" / f"{Path(sample.name).stem}.png")
    for number in np.unique(ids):
        classes = np.unique(sample.target[ids == number])
        assert len(classes) == 1
        known = names[str(number)]
        assert classes[0] == (IGNORE if number == 0 else labels.index(known))
