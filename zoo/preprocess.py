"""Images to network input: timm's evaluation transform in PIL and numpy, bit for bit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.images import UnusableImageError, to_rgb
from zoo.input_spec import InputSpec

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


_PADDED = ("border", "letterbox")

MOST_RESIZED_PIXELS = 1 << 25
"""134 MB as Pillow holds RGB. At 256 pixels it is a picture 512 times longer than wide."""


def preprocess(image: Image.Image, spec: InputSpec) -> NDArray[np.float32]:
    """Resize, crop, scale to [0, 1] and normalize one image of any size and mode.

    Returns:
        float32 of shape (3, spec.height, spec.width), RGB.

    Raises:
        UnusableImageError: its pixels cannot be told in 8 bits, or it would have more than
            MOST_RESIZED_PIXELS before it is cropped.
    """
    pixels = np.asarray(resize_and_crop(image, spec), dtype=np.float32) / np.float32(255)
    pixels -= np.array(spec.mean, np.float32)
    pixels /= np.array(spec.std, np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def resize_and_crop(image: Image.Image, spec: InputSpec) -> Image.Image:
    """The RGB image of spec.width x spec.height pixels that ``preprocess`` normalizes.

    ``crop_mode`` has timm's meanings: ``center`` resizes the shorter side and crops, ``squash``
    resizes both sides and crops, ``border`` resizes the longer side and pads with the mean colour.
    ``letterbox`` does the same but keeps the picture in the left upper corner, as detectors take it
    (detectron2's padding).
    """
    place = placement(image.width, image.height, spec)
    if place.width * max(place.height, image.height) > MOST_RESIZED_PIXELS:
        raise UnusableImageError(
            f"{image.width}x{image.height} pixels, too long for its width: "
            f"{place.width}x{place.height} resized; crop it"
        )
    image = to_rgb(image)
    fill = (0, 0, 0)
    if spec.crop_mode in _PADDED:
        red, green, blue = (round(255 * value) for value in spec.mean)
        fill = (red, green, blue)
    resized = _resize(image, place.width, place.height, spec)
    canvas = Image.new("RGB", (spec.width, spec.height), fill)
    canvas.paste(resized, (-place.left, -place.top))
    return canvas


@dataclass(frozen=True)
class Placement:
    """Where a picture lies under the network's input: resized to ``width`` x ``height`` pixels.

    The input's left upper corner is at ``left``, ``top`` of the resized picture: positive where
    that is cropped, negative where it is padded.
    """

    width: int
    height: int
    left: int
    top: int


def placement(width: int, height: int, spec: InputSpec) -> Placement:
    """The resize and crop of a picture of ``width`` x ``height`` pixels, as timm computes them."""
    target = (math.floor(spec.height / spec.crop_pct), math.floor(spec.width / spec.crop_pct))
    if spec.crop_mode == "squash":
        new_height, new_width = target
    elif spec.crop_mode in _PADDED:
        new_height, new_width = _keep_ratio(width, height, target, longest=True)
    elif target[0] == target[1]:
        new_height, new_width = _shorter_side(width, height, target[0])
    else:
        new_height, new_width = _keep_ratio(width, height, target, longest=False)
    left, top = 0, 0
    if spec.crop_mode != "letterbox":
        left, top = _offset(new_width, spec.width), _offset(new_height, spec.height)
    return Placement(new_width, new_height, left, top)


@dataclass(frozen=True)
class Frame:
    """How a picture of ``width`` x ``height`` pixels lies under a network's input, which has
    ``input_width`` x ``input_height``: to map what is found there back onto the picture."""

    width: int
    height: int
    input_width: int
    input_height: int
    placement: Placement

    @classmethod
    def of(cls, width: int, height: int, spec: InputSpec) -> Frame:
        """That of a picture which ``preprocess`` takes."""
        return cls(width, height, spec.width, spec.height, placement(width, height, spec))

    def to_picture(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (N, 4), left, top, right and bottom in pixels of the input, in the picture's pixels
        and clipped to it.

        Resized sides are whole numbers, so the two axes' scales may differ a little: each is kept
        exactly.
        """
        place = self.placement
        shift = np.array([place.left, place.top] * 2)
        scale = np.array([self.width / place.width, self.height / place.height] * 2)
        limit = np.array([self.width, self.height] * 2)
        return np.asarray(np.clip((boxes + shift) * scale, 0, limit), np.float32)

    @classmethod
    def whole(cls, width: int, height: int) -> Frame:
        """That of a picture which is the input itself."""
        return cls(width, height, width, height, Placement(width, height, 0, 0))


def _resize(image: Image.Image, width: int, height: int, spec: InputSpec) -> Image.Image:
    """Along the rows first, then along the columns, each rounded to 8 bits.

    Pillow before 13 always did so, and the demo apps do. Later ones take the cheaper order
    (python-pillow/Pillow#9549), which changes pixels of tall images by 1 of 255.
    """
    resampling = _RESAMPLING[spec.interpolation]
    if spec.interpolation != "nearest":
        image = image.resize((width, image.height), resampling)
    return image.resize((width, height), resampling)


def _shorter_side(width: int, height: int, size: int) -> tuple[int, int]:
    # torchvision truncates the longer side where ResizeKeepRatio rounds it.
    if width <= height:
        return int(size * height / width), size
    return size, int(size * width / height)


def _keep_ratio(
    width: int, height: int, target: tuple[int, int], *, longest: bool
) -> tuple[int, int]:
    ratios = (height / target[0], width / target[1])
    ratio = max(ratios) if longest else min(ratios)
    return max(1, round(height / ratio)), max(1, round(width / ratio))


def _offset(size: int, wanted: int) -> int:
    # Borders are rounded down, crops to even.
    return -((wanted - size) // 2) if size < wanted else round((size - wanted) / 2)
