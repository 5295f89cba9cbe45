"""Textured ground: two colours mixed by a pattern."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zoo.scenes.draws import Draws
from zoo.scenes.enlarge import enlarge

Pattern = Callable[[Draws, int], NDArray[np.uint8]]
"""How much of the second colour there is at each of side x side pixels, 0..255."""


def draw_ground(draws: Draws, side: int) -> NDArray[np.uint8]:
    """RGB (side, side, 3)."""
    first, second = draws.octets(2, 3).astype(np.int32)
    mix = draws.choice(PATTERNS)(draws, side).astype(np.int32)[:, :, None]
    mixed: NDArray[np.int32] = (first * (255 - mix) + second * mix + 127) // 255
    return mixed.astype(np.uint8)


def clouds(draws: Draws, side: int) -> NDArray[np.uint8]:
    """Value noise: random values on a grid of 4 to 40 pixels, and bilinear between them."""
    cells = -(-side // draws.between(4, 40)) + 1
    return enlarge(draws.octets(cells, cells), side, side)


def slope(draws: Draws, side: int) -> NDArray[np.uint8]:
    """A gradient between values at the four corners."""
    return enlarge(draws.octets(2, 2), side, side)


def stripes(draws: Draws, side: int) -> NDArray[np.uint8]:
    """Stripes in any direction, 3 to 16 pixels wide, of hard or of soft edges."""
    rise, run = draws.between(-8, 8), draws.between(1, 8)
    y, x = np.mgrid[:side, :side]
    steepness = max(abs(rise), run)
    period = 2 * draws.between(3, 16)
    # In 256ths of a period; a step along the steeper axis is a pixel.
    phase = (rise * y + run * x) * 256 // (steepness * period) + draws.below(256)
    wave: NDArray[np.int64] = np.abs(phase % 256 - 128)  # 0..128, a triangle
    hard = draws.below(2)
    values = np.where(wave < 64, 255, 0) if hard else np.minimum(2 * wave, 255)
    return values.astype(np.uint8)


def checks(draws: Draws, side: int) -> NDArray[np.uint8]:
    """Rectangles of random values, each side of 6 to 32 pixels."""
    height, width = draws.between(6, 32), draws.between(6, 32)
    y, x = np.arange(side) + draws.below(height), np.arange(side) + draws.below(width)
    values = draws.octets(-(-2 * side // height) + 1, -(-2 * side // width) + 1)
    return values[(y // height)[:, None], (x // width)[None, :]]


def grain(draws: Draws, side: int) -> NDArray[np.uint8]:
    """Independent values at every pixel, or at every two or three."""
    size = draws.between(1, 3)
    cells = -(-side // size)
    return draws.octets(cells, cells).repeat(size, 0).repeat(size, 1)[:side, :side]


PATTERNS: tuple[Pattern, ...] = (clouds, slope, stripes, checks, grain)
