"""The scenes' pixels, which are the same on every machine, and what is said of them."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torchvision.ops import masks_to_boxes

from zoo.embedded import LABELS
from zoo.errors import InputError
from zoo.scenes import (
    CLASSES,
    SCENE_SPLITS,
    SCENES,
    SCENES_CALIBRATION,
    SCENES_FEW,
    SIDE,
    Scene,
    open_scenes,
)
from zoo.scenes.compose import MOST_ITEMS, SMALLEST_ITEM

# SHA-256 over pixels and instances of the first 40 scenes and their labels.
SHA256 = {
    SCENES: "7c60fa3a1d0c5580369af9a363d6f753528b22e0cbd1cc35c6e21d52ebd4e67f",
    SCENES_FEW: "7c60fa3a1d0c5580369af9a363d6f753528b22e0cbd1cc35c6e21d52ebd4e67f",
    SCENES_CALIBRATION: "bd6dba00081cdcf1a304272e1967f1abaa30520b421291b0eff8c45fffc6b4ed",
}


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    split = open_scenes(SCENES)
    return [split.scene(index) for index in range(150)]


def _digest(some: list[Scene]) -> str:
    digest = hashlib.sha256()
    for scene in some:
        for part in (scene.pixels.tobytes(), scene.instances.tobytes(), bytes(scene.labels)):
            digest.update(part)
    return digest.hexdigest()


@pytest.mark.parametrize("name", SCENE_SPLITS)
def test_pixels_and_masks_never_change(name: str) -> None:
    split = open_scenes(name)
    assert _digest([split.scene(index) for index in range(40)]) == SHA256[name]


def test_in_any_order_and_from_any_thread(scenes: list[Scene]) -> None:
    split = open_scenes(SCENES)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(split.scene, reversed(range(40))))
    assert _digest(found[::-1]) == _digest(scenes[:40])


def test_shapes_and_bounds(scenes: list[Scene]) -> None:
    assert len(open_scenes(SCENES)) == 2000 and len(open_scenes(SCENES_FEW)) == 500
    assert len(open_scenes(SCENES_CALIBRATION)) == 512
    assert ("background", *LABELS) == CLASSES
    for scene in scenes:
        assert scene.pixels.shape == (SIDE, SIDE, 3) and scene.pixels.dtype == np.uint8
        assert scene.instances.shape == (SIDE, SIDE) and scene.instances.dtype == np.uint8
        assert 1 <= len(scene.labels) <= MOST_ITEMS
        assert set(np.unique(scene.instances)) == set(range(len(scene.labels) + 1))
        assert scene.masks.sum((1, 2)).min() >= SMALLEST_ITEM


def test_masks_boxes_and_classes_say_the_same(scenes: list[Scene]) -> None:
    for scene in scenes:
        inclusive = masks_to_boxes(torch.from_numpy(scene.masks)).numpy()
        assert (scene.boxes == inclusive + np.array([0, 0, 1, 1])).all()
        semantic = np.zeros((SIDE, SIDE), np.uint8)
        for mask, label in zip(scene.masks, scene.labels, strict=True):
            semantic[mask] = label + 1
        assert (scene.semantic == semantic).all()


def test_the_set_has_every_class_number_and_size(scenes: list[Scene]) -> None:
    counts = np.bincount([label for scene in scenes for label in scene.labels], minlength=10)
    assert counts.min() > 0.6 * counts.mean()
    numbers = np.bincount([len(scene.labels) for scene in scenes], minlength=MOST_ITEMS + 1)[1:]
    assert numbers.min() >= 10
    ground = np.mean([(scene.instances == 0).mean() for scene in scenes])
    assert 0.6 < ground < 0.8
    areas = np.concatenate([scene.masks.sum((1, 2)) for scene in scenes])
    assert areas.max() > 30 * areas.min()
    overlapping = sum(
        bool(np.maximum(0, np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])).all())
        for scene in scenes
        for number, a in enumerate(scene.boxes)
        for b in scene.boxes[:number]
    )
    assert overlapping > 100


def test_ground_looks_the_same_beside_an_item_and_items_do_not(scenes: list[Scene]) -> None:
    """The mask is that of the pixels: across its edge colours differ, along it they do not."""
    across, along = [], []
    for scene in scenes:
        step = np.abs(np.diff(scene.pixels.astype(int), axis=1)).sum(2)
        edge = np.diff(scene.instances.astype(int), axis=1) != 0
        across.append(step[edge].mean())
        along.append(step[~edge & (scene.instances[:, 1:] > 0)].mean())
    assert np.mean(np.array(across) > np.array(along)) > 0.9


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(InputError, match="fashion-scene: no such scenes; there are fashion-scenes"):
        open_scenes("fashion-scene")
