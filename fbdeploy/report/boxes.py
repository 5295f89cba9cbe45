"""What two detectors find on a photo, drawn on it side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.detection.agreement import LOWEST_SCORE
from tasks.detection.pairs import pairs

if TYPE_CHECKING:
    from tasks.detection.objects import Found
    from zoo.datasets.detection.annotations import RunLengths

COVER = 0.45
"""How much of a mask's pixel is its class's colour."""
THIN, THICK = 1, 3
"""Pixels of a box's frame: of one that both find, and of one that the other has none like."""


@dataclass(frozen=True)
class Sides:
    """Both photos, uint8 (h, w, 3), with how many detections are alike and how many are not;
    ``labels`` are the classes drawn."""

    float_side: NDArray[np.uint8]
    int8_side: NDArray[np.uint8]
    pairs: int
    float_alone: int
    int8_alone: int
    labels: tuple[int, ...]


def drawn(pixels: NDArray[np.uint8], scale: float, reference: Found, other: Found) -> Sides:
    """Detections that an app would show, over a photo, for each of whose pixels there are ``scale``
    of ``pixels``."""
    theirs, ours = reference.above(LOWEST_SCORE), other.above(LOWEST_SCORE)
    alike = pairs(theirs, ours)
    both = ({pair.first for pair in alike}, {pair.second for pair in alike})
    float_side, int8_side = (
        _side(pixels, scale, found, partnered)
        for found, partnered in zip((theirs, ours), both, strict=True)
    )
    return Sides(
        float_side,
        int8_side,
        len(alike),
        len(theirs.scores) - len(alike),
        len(ours.scores) - len(alike),
        tuple(sorted({*theirs.labels.tolist(), *ours.labels.tolist()})),
    )


def colours(count: int) -> NDArray[np.uint8]:
    """A bright colour a class, uint8 (count, 3), neighbours far from each other: hues by the golden
    ratio."""
    from colorsys import hsv_to_rgb

    golden = (5**0.5 - 1) / 2
    told = [hsv_to_rgb(index * golden % 1, 0.85, 0.95) for index in range(count)]
    return np.round(255 * np.array(told).reshape(count, 3)).astype(np.uint8)


def _side(
    pixels: NDArray[np.uint8], scale: float, found: Found, partnered: set[int]
) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw

    palette = colours(1 + int(found.labels.max(initial=0)))
    canvas = pixels.astype(np.float32)
    for label, mask in zip(found.labels.tolist(), found.masks or (), strict=False):
        inside = _resized(mask, scale, canvas.shape)
        canvas[inside] = (1 - COVER) * canvas[inside] + COVER * palette[label]
    image = Image.fromarray(canvas.astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for index, (box, label) in enumerate(zip(found.boxes, found.labels.tolist(), strict=True)):
        left, top, right, bottom = (float(side) * scale for side in box)
        width = THIN if index in partnered else THICK
        colour = tuple(palette[label].tolist())
        pen.rectangle((left, top, max(left, right), max(top, bottom)), outline=colour, width=width)
    return np.asarray(image)


def _resized(mask: RunLengths, scale: float, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where a mask of the photo lies on the drawing, of the nearest pixels."""
    values = np.repeat(np.arange(len(mask.counts)) % 2 == 1, mask.counts)
    whole = values.reshape(mask.width, mask.height).T
    rows, columns = (np.floor((np.arange(count) + 0.5) / scale).astype(int) for count in shape[:2])
    seen: NDArray[np.bool_] = np.zeros(shape[:2], bool)
    height, width = (rows < mask.height).sum(), (columns < mask.width).sum()
    seen[:height, :width] = whole[rows[:height, None], columns[None, :width]]
    return seen
