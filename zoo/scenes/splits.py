"""Which pictures scenes are made of: apart for training, calibration and validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zoo.dataset_names import CALIBRATION, SCENES, SCENES_CALIBRATION, SCENES_FEW, TEST
from zoo.embedded import LABELS, read_images
from zoo.errors import InputError
from zoo.scenes.compose import Pictures, Scene, compose

CLASSES = ("background", *LABELS)
"""The classes of ``Scene.semantic``."""


@dataclass(frozen=True)
class SceneSplit:
    """``count`` scenes of ``pictures``, told apart from other splits' by ``seed``; of each scene's
    items ``least_items`` are tried."""

    name: str
    pictures: Pictures
    seed: int
    count: int
    least_items: int = 1

    def __len__(self) -> int:
        """The number of scenes."""
        return self.count

    def scene(self, index: int) -> Scene:
        """Scene ``index``, 0..count-1; may be called from several threads."""
        return compose(self.pictures, self.seed, index, self.least_items)

    def __iter__(self) -> Iterator[Scene]:
        """Every scene in order."""
        return map(self.scene, range(self.count))


@dataclass(frozen=True)
class _Embedded:
    pictures: str
    seed: int
    count: int


# Seeds are one apart from those of training (zoo/training_scenes.py), as are the pictures: the
# 10,000 test pictures, and the 512 training pictures that training leaves out.
_EMBEDDED = {
    SCENES: _Embedded(TEST, seed=1, count=2000),
    SCENES_FEW: _Embedded(TEST, seed=1, count=500),
    SCENES_CALIBRATION: _Embedded(CALIBRATION, seed=2, count=512),
}
SCENE_SPLITS = tuple(_EMBEDDED)


def open_scenes(name: str) -> SceneSplit:
    """The embedded scenes: 2,000 to score on (``fashion-scenes``), the first 500 of them
    (``fashion-scenes-500``), or 512 to calibrate with.

    Raises:
        InputError: another name.
    """
    if name not in _EMBEDDED:
        raise InputError(f"{name}: no such scenes; there are {' and '.join(_EMBEDDED)}")
    split = _EMBEDDED[name]
    stored = read_images(split.pictures)
    return SceneSplit(name, Pictures(stored.images, stored.labels), split.seed, split.count)
