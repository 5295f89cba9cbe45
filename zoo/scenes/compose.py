"""Composes a scene: several items on ground, the later in front of the earlier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from zoo.scenes.draws import Draws
from zoo.scenes.ground import draw_ground
from zoo.scenes.items import Item, Picture, draw_item, silhouette

SIDE = 128
"""Pixels of a scene's height and width."""
MOST_ITEMS = 6
TRIES = 8
"""Items that are tried for each one wanted; crowded scenes end with fewer."""
SMALLEST_ITEM = 100
"""Pixels of an item that are seen at least."""
HIDDEN = 50
"""Percent of an item that others may cover."""
OUTSIDE = 8
"""An item may reach beyond the scene's border by its side over this."""
STRONGEST_NOISE = 12
"""What is added to or taken from a pixel at most, in scenes with the strongest noise."""


@dataclass(frozen=True)
class Scene:
    """A picture and what is to be seen in it.

    ``pixels`` is RGB uint8 (H, W, 3). ``instances`` uint8 (H, W) has k where item k is seen, from
    1, and 0 for ground. ``labels`` are the items' classes of Fashion-MNIST, 0..9, from item 1 on.
    """

    pixels: NDArray[np.uint8]
    instances: NDArray[np.uint8]
    labels: tuple[int, ...]

    @cached_property
    def semantic(self) -> NDArray[np.uint8]:
        """The class at each pixel (H, W): 0 ground, 1..10 the items' labels plus one."""
        return np.array((0, *(label + 1 for label in self.labels)), np.uint8)[self.instances]

    @cached_property
    def masks(self) -> NDArray[np.bool_]:
        """Where each item is seen, (items, H, W)."""
        numbers = np.arange(1, len(self.labels) + 1, dtype=np.uint8)
        masks: NDArray[np.bool_] = self.instances == numbers[:, None, None]
        return masks

    @cached_property
    def boxes(self) -> NDArray[np.int32]:
        """Around what is seen of each item: left, top, right, bottom in pixels, the last two
        exclusive, (items, 4)."""
        return np.array([_box(mask) for mask in self.masks], np.int32).reshape(-1, 4)


class Pictures:
    """The pictures that scenes are composed of.

    Args:
        images: grey uint8 (N, 28, 28), of Fashion-MNIST.
        targets: their classes, 0..9, (N,); none is without pictures.
    """

    def __init__(self, images: NDArray[np.uint8], targets: NDArray[np.uint8]) -> None:
        self.images = images
        self._pools = [np.flatnonzero(targets == label) for label in range(int(targets.max()) + 1)]
        self._cut: dict[int, Picture] = {}

    def draw(self, draws: Draws) -> tuple[int, Picture]:
        """A class, all as often, and a picture of it."""
        label = draws.below(len(self._pools))
        pool = self._pools[label]
        index = int(pool[draws.below(len(pool))])
        if index not in self._cut:
            self._cut[index] = Picture(self.images[index], silhouette(self.images[index]))
        return label, self._cut[index]


def compose(pictures: Pictures, seed: int, index: int, least_items: int = 1) -> Scene:
    """Scene ``index`` of a seed: SIDE x SIDE pixels with 1 to MOST_ITEMS items; ``least_items`` are
    tried, of which crowded scenes may have fewer."""
    draws = Draws(seed, index)
    canvas = draw_ground(draws, SIDE)
    instances = np.zeros((SIDE, SIDE), np.uint8)
    whole: list[int] = []
    labels: list[int] = []
    wanted = draws.between(least_items, MOST_ITEMS)
    tries = TRIES * wanted
    while len(labels) < wanted and (tries > 0 or not labels):
        tries -= 1
        label, picture = pictures.draw(draws)
        window, item = _place(draw_item(picture, draws), draws)
        seen = item.cover >= 128
        number = len(labels) + 1
        covered = instances.copy()
        covered[window][seen] = number
        sizes = [*whole, int(np.count_nonzero(seen))]
        if _crowded(np.bincount(covered.ravel(), minlength=number + 1)[1:], sizes):
            continue
        instances, whole = covered, sizes
        labels.append(label)
        _paint(canvas[window], item)
    return Scene(_noisy(canvas, draws), instances, tuple(labels))


def _place(item: Item, draws: Draws) -> tuple[tuple[slice, slice], Item]:
    """A place in the scene, and what of the item lies inside."""
    height, width = item.cover.shape
    top = draws.between(-(height // OUTSIDE), SIDE - height + height // OUTSIDE)
    left = draws.between(-(width // OUTSIDE), SIDE - width + width // OUTSIDE)
    rows = slice(max(0, -top), min(height, SIDE - top))
    columns = slice(max(0, -left), min(width, SIDE - left))
    window = (
        slice(top + rows.start, top + rows.stop),
        slice(left + columns.start, left + columns.stop),
    )
    return window, Item(item.pixels[rows, columns], item.cover[rows, columns])


def _crowded(left: NDArray[np.int64], whole: Sequence[int]) -> bool:
    """Whether too little is left to be seen of an item that had ``whole`` pixels in the scene."""
    return any(
        seen < SMALLEST_ITEM or 100 * seen < (100 - HIDDEN) * all_of_it
        for seen, all_of_it in zip(left.tolist(), whole, strict=True)
    )


def _paint(canvas: NDArray[np.uint8], item: Item) -> None:
    cover = item.cover.astype(np.int32)[:, :, None]
    canvas[:] = (item.pixels * cover + canvas * (255 - cover) + 127) // 255


def _noisy(canvas: NDArray[np.uint8], draws: Draws) -> NDArray[np.uint8]:
    strength = draws.below(STRONGEST_NOISE + 1)
    noise = (draws.octets(*canvas.shape).astype(np.int16) - 128) * strength // 128
    noisy: NDArray[np.int16] = np.clip(canvas + noise, 0, 255)
    return noisy.astype(np.uint8)


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
