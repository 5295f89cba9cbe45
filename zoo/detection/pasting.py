"""Masks of boxes as masks of the whole picture."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.detection.annotations import RunLengths
from zoo.datasets.detection.run_lengths import from_array

THRESHOLD = 0.5
"""A pixel belongs to the object from this probability on (Mask R-CNN, arXiv:1703.06870)."""


def paste_mask(
    probabilities: NDArray[np.float32], box: NDArray[np.float32], width: int, height: int
) -> RunLengths:
    """A box's mask on its picture, interpolated bilinearly at the pixels' centres.

    The mask's pixels lie side by side over the box, and beyond its border it is 0, as in
    detectron2's ``paste_masks_in_image``.

    Args:
        probabilities: (S, S) in 0..1.
        box: (4,) in the picture's pixels.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
    """
    whole = np.zeros((height, width), bool)
    part = pasted(probabilities, box, width, height)
    whole[part.rows, part.columns] = part.values >= THRESHOLD
    return from_array(whole)


class Pasted(NamedTuple):
    """The part of a picture that a box covers, and the probability of each of its pixels, float64
    (rows, columns)."""

    rows: slice
    columns: slice
    values: NDArray[np.float64]


def pasted(
    probabilities: NDArray[np.float32], box: NDArray[np.float32], width: int, height: int
) -> Pasted:
    """What ``paste_mask`` compares with ``THRESHOLD``; of a box without area nothing."""
    left, top, right, bottom = (float(side) for side in box)
    if right <= left or bottom <= top:
        return Pasted(slice(0, 0), slice(0, 0), np.zeros((0, 0)))
    side = probabilities.shape[0]
    rows, row_weights = _axis(top, bottom, side, height)
    columns, column_weights = _axis(left, right, side, width)
    return Pasted(rows, columns, row_weights @ probabilities.astype(np.float64) @ column_weights.T)


def _axis(start: float, end: float, side: int, pixels: int) -> tuple[slice, NDArray[np.float64]]:
    """The pixels whose centres are in a box, and what each takes of the mask's: (P, side)."""
    first = min(max(0, math.floor(start)), pixels)
    last = max(first, min(pixels, math.ceil(end)))
    centres = np.arange(first, last) + 0.5
    places = (centres - start) / (end - start) * side - 0.5
    weights = np.clip(1 - np.abs(places[:, None] - np.arange(side)), 0, None)
    return slice(first, last), weights
