"""Letterboxing: a whole picture in the left upper corner of an input, and the way back."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.input_spec import InputSpec
from zoo.preprocess import preprocess

Boxes = NDArray[np.float32]
"""(N, 4): left, top, right, bottom."""


@dataclass(frozen=True)
class Letterbox:
    """Where a picture of ``width`` x ``height`` pixels lies in a detector's input.

    It has ``resized_width`` x ``resized_height`` pixels there, from the left upper corner on. Both
    are whole numbers, so the two axes' scales may differ a little, and each is kept exactly.
    """

    width: int
    height: int
    resized_width: int
    resized_height: int

    @classmethod
    def of(cls, width: int, height: int, spec: InputSpec) -> Letterbox:
        """That of a picture of this size: its ratio of sides is kept, the rest is padded."""
        scale = min(spec.width / width, spec.height / height)
        resized = (max(1, round(width * scale)), max(1, round(height * scale)))
        return cls(width, height, *resized)

    def to_input(self, boxes: Boxes) -> Boxes:
        """Boxes in the picture's pixels, in the input's."""
        return (boxes * self._scale).astype(np.float32)

    def to_picture(self, boxes: Boxes) -> Boxes:
        """Boxes in the input's pixels, in the picture's, clipped to it."""
        limit = np.array([self.width, self.height] * 2, np.float32)
        return np.clip(boxes / self._scale, 0, limit).astype(np.float32)

    @property
    def _scale(self) -> NDArray[np.float64]:
        return np.array([self.resized_width / self.width, self.resized_height / self.height] * 2)


def letterbox(image: Image.Image, spec: InputSpec) -> tuple[NDArray[np.float32], Letterbox]:
    """A picture as a detector's input, float32 (3, spec.height, spec.width), and where it lies.

    It is resized as ``preprocess`` does. What it does not cover is 0, the mean colour, as
    detectron2 pads.

    Raises:
        UnusableImageError: as ``preprocess`` does.
    """
    place = Letterbox.of(image.width, image.height, spec)
    inner = dataclasses.replace(
        spec,
        height=place.resized_height,
        width=place.resized_width,
        crop_pct=1.0,
        crop_mode="squash",
    )
    pixels = np.zeros((3, spec.height, spec.width), np.float32)
    pixels[:, : place.resized_height, : place.resized_width] = preprocess(image, inner)
    return pixels, place
