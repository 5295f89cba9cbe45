from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo.dataset_names import TEST
from zoo.embedded import read_images
from zoo.scenes.draws import Draws
from zoo.scenes.items import FAINTEST_SHADE, FAINTEST_TINT, SIZES, Picture, draw_item, silhouette


def _drawn(text: str) -> NDArray[np.uint8]:
    values = [[200 if c == "#" else int(c) for c in row] for row in text.split()]
    return np.array(values, np.uint8)


PICTURE = """
1000000000000
0###########0
0#0000#0###0#
0#0000#0###0#
0#0000#######
0####2#000000
0############
0000000000000
0000000000020
"""
ITEM = """
.............
.###########.
.#....#######
.#....#######
.#....#######
.######......
.############
.............
.............
"""


def test_ground_reaches_in_from_the_border_and_through_large_holes() -> None:
    # The hole of 12 pixels is ground, that of 2 is cloth; so is a 2 that touches cloth.
    wanted = [[c == "#" for c in row] for row in ITEM.split()]
    assert silhouette(_drawn(PICTURE)).tolist() == wanted


def test_silhouettes_of_real_pictures_hold_what_is_bright_and_are_of_few_parts() -> None:
    from scipy import ndimage

    for picture in read_images(TEST).images[:200]:
        item = silhouette(picture)
        assert item[picture >= 64].mean() > 0.97  # specks apart from the item are left out
        assert not item[(picture == 0) & ~ndimage.binary_fill_holes(picture >= 2)].any()
        assert item.sum() >= 40


def test_an_item_is_dyed_and_mirrored() -> None:
    grey = read_images(TEST).images[7]
    picture = Picture(grey, silhouette(grey))
    widths = set()
    for index in range(40):
        item = draw_item(picture, Draws(5, index))
        height, width = item.cover.shape
        assert item.pixels.shape == (height, width, 3)
        assert height in SIZES and 85 * height // 100 <= width <= 115 * height // 100
        widths.add(width)
        inside = item.pixels[item.cover == 255]
        assert inside.min() >= FAINTEST_SHADE * FAINTEST_TINT // 255
        # Dyed: the channels are one picture times three numbers.
        brightest = inside.max(0).astype(float)
        scaled = inside / brightest
        assert np.abs(scaled - scaled[:, :1]).max() < 0.03
    assert len(widths) > 15
