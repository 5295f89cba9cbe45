"""Images to network input: timm's evaluation transform in PIL and numpy, bit for bit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.input_spec import InputSpec

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def preprocess(image: Image.Image, spec: InputSpec) -> NDArray[np.float32]:
    """Resize, crop, scale to [0, 1] and normalize one image of any size and mode.

    Returns:
        float32 of shape (3, spec.height, spec.width), RGB.
    """
    pixels = np.asarray(resize_and_crop(image, spec), dtype=np.float32) / np.float32(255)
    pixels -= np.array(spec.mean, np.float32)
    pixels /= np.array(spec.std, np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def resize_and_crop(image: Image.Image, spec: InputSpec) -> Image.Image:
    """The RGB image of spec.width x spec.height pixels that ``preprocess`` normalizes.

    ``crop_mode`` has timm's meanings: ``center`` resizes the shorter side and crops, ``squash``
    resizes both sides and crops, ``border`` resizes the longer side and pads with the mean colour.
    """
    image = image.convert("RGB")
    target = (math.floor(spec.height / spec.crop_pct), math.floor(spec.width / spec.crop_pct))
    fill = (0, 0, 0)
    if spec.crop_mode == "squash":
        height, width = target
    elif spec.crop_mode == "border":
        height, width = _keep_ratio(image, target, longest=True)
        red, green, blue = (round(255 * value) for value in spec.mean)
        fill = (red, green, blue)
    elif target[0] == target[1]:
        height, width = _shorter_side(image, target[0])
    else:
        height, width = _keep_ratio(image, target, longest=False)
    return _centre(_resize(image, width, height, spec), spec, fill)


def _resize(image: Image.Image, width: int, height: int, spec: InputSpec) -> Image.Image:
    """Along the rows first, then along the columns, each rounded to 8 bits.

    Pillow before 13 always did so, and the demo apps do. Later ones take the cheaper order
    (python-pillow/Pillow#9549), which changes pixels of tall images by 1 of 255.
    """
    resampling = _RESAMPLING[spec.interpolation]
    if spec.interpolation != "nearest":
        image = image.resize((width, image.height), resampling)
    return image.resize((width, height), resampling)


def _shorter_side(image: Image.Image, size: int) -> tuple[int, int]:
    # torchvision truncates the longer side where ResizeKeepRatio rounds it.
    width, height = image.size
    if width <= height:
        return int(size * height / width), size
    return size, int(size * width / height)


def _keep_ratio(image: Image.Image, target: tuple[int, int], *, longest: bool) -> tuple[int, int]:
    ratios = (image.height / target[0], image.width / target[1])
    ratio = max(ratios) if longest else min(ratios)
    return round(image.height / ratio), round(image.width / ratio)


def _centre(image: Image.Image, spec: InputSpec, fill: tuple[int, int, int]) -> Image.Image:
    missing_x, missing_y = max(0, spec.width - image.width), max(0, spec.height - image.height)
    if missing_x or missing_y:
        size = (image.width + missing_x, image.height + missing_y)
        canvas = Image.new("RGB", size, fill)
        canvas.paste(image, (missing_x // 2, missing_y // 2))
        image = canvas
    left, top = round((image.width - spec.width) / 2), round((image.height - spec.height) / 2)
    return image.crop((left, top, left + spec.width, top + spec.height))
