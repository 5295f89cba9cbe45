"""One picture as an item: its silhouette, and both at the size it has in a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zoo.scenes.draws import Draws
from zoo.scenes.enlarge import enlarge

# Fashion-MNIST's ground is 0, but for specks of 1; white cloth has values from 2.
DARKEST = 2
SMALLEST_HOLE = 12
"""Pixels of ground inside an item, such as under a bag's handle; smaller ones are of the cloth."""
SMALLEST_PART = 8
"""Pixels of an item apart from the rest; smaller ones are specks of ground."""
SIZES = (32, 38, 44, 52, 60, 70, 82, 96)
"""Pixels a picture's side has in a scene, in about even ratios."""
RATIO = (85, 115)
"""Percent of that for the width."""
FAINTEST_TINT = 96
"""Of each channel of the colour an item is dyed in, of 255."""
FAINTEST_SHADE = 48
"""Of an item's darkest pixel, of 255, before it is dyed."""


@dataclass(frozen=True)
class Item:
    """RGB uint8 (h, w, 3), and how much each pixel covers what is behind, uint8 (h, w)."""

    pixels: NDArray[np.uint8]
    cover: NDArray[np.uint8]


def silhouette(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where there is an item and no ground in a picture (h, w) of Fashion-MNIST."""
    item = picture >= DARKEST
    ground, _ = ndimage.label(np.pad(~item, 1, constant_values=True))  # 4-connected
    hole = np.bincount(ground.ravel()) < SMALLEST_HOLE
    item = item | hole[ground[1:-1, 1:-1]]
    parts, _ = ndimage.label(item, structure=np.ones((3, 3)))
    kept: NDArray[np.bool_] = item & (np.bincount(parts.ravel()) >= SMALLEST_PART)[parts]
    return kept


@dataclass(frozen=True)
class Picture:
    """Grey uint8 (28, 28), and where in it the item is, bool (28, 28)."""

    grey: NDArray[np.uint8]
    item: NDArray[np.bool_]


def draw_item(picture: Picture, draws: Draws) -> Item:
    """A picture at a drawn size and colour, half of the time mirrored."""
    height = draws.choice(SIZES)
    width = height * draws.between(*RATIO) // 100
    tint = draws.octets(3).astype(np.int32) * (255 - FAINTEST_TINT) // 255 + FAINTEST_TINT
    side = slice(None, None, -1 if draws.below(2) else 1)
    cover = enlarge(picture.item[:, side].astype(np.uint8) * 255, height, width)
    grey = enlarge(picture.grey[:, side], height, width).astype(np.int32)
    shade = FAINTEST_SHADE + grey * (255 - FAINTEST_SHADE) // 255
    pixels = (shade[:, :, None] * tint // 255).astype(np.uint8)
    return Item(pixels, cover)
