"""Bilinear enlargement in fixed point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ONE = 256
"""A pixel's width in the units that positions and weights are told in."""


def enlarge(values: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """``values`` (h, w) at ``height`` x ``width`` pixels; centres as in Pillow, edges repeated."""
    upper, lower, down = _neighbours(values.shape[0], height)
    left, right, across = _neighbours(values.shape[1], width)
    wide = values.astype(np.int32)
    rows = wide[upper] * (_ONE - down)[:, None] + wide[lower] * down[:, None]
    both = rows[:, left] * (_ONE - across) + rows[:, right] * across
    return ((both + _ONE * _ONE // 2) // (_ONE * _ONE)).astype(np.uint8)


def _neighbours(
    count: int, wanted: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """The two pixels each of the ``wanted`` lies between, and the weight of the second."""
    centres = (2 * np.arange(wanted) + 1) * (count * _ONE // 2) // wanted - _ONE // 2
    places: NDArray[np.int32] = np.clip(centres, 0, (count - 1) * _ONE).astype(np.int32)
    first: NDArray[np.int32] = places // _ONE
    second: NDArray[np.int32] = np.minimum(first + 1, count - 1)
    weight: NDArray[np.int32] = places - first * _ONE
    return first, second, weight
