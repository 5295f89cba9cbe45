"""What a network expects of its input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

Interpolation = Literal["nearest", "bilinear", "bicubic"]
CropMode = Literal["center", "squash", "border", "letterbox"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

LARGEST_SIDE = 4096
"""Pixels; mobile networks take up to 600 (EfficientNet-B7), and memory grows with the square."""
LARGEST_MEAN, SMALLEST_STD, LARGEST_STD = 1e3, 1e-3, 1e3
"""Of values in 0..1. A network that takes 0..255 has the deviation 1 / 255."""
LARGEST_PIXEL = 255
MOST_CLASSES = 10**6
SMALLEST_CROP = 0.1
"""An image is resized to the crop's side over this before it is cropped; 0.875 is usual."""

Pixels = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
Mean = Annotated[float, Field(ge=-LARGEST_MEAN, le=LARGEST_MEAN)]
Deviation = Annotated[float, Field(ge=SMALLEST_STD, le=LARGEST_STD)]
CropShare = Annotated[float, Field(ge=SMALLEST_CROP, le=1)]


@dataclass(frozen=True)
class InputSpec:
    """RGB images, resized, cropped, scaled to [0, 1], normalized; float32 NCHW with batch 1.

    ``height`` and ``width`` are in pixels; ``crop_pct`` is the part of the resized shorter side
    the centre crop keeps; ``mean`` and ``std`` apply to values in [0, 1]. The types' ranges hold
    for what a document stores.
    """

    height: Pixels
    width: Pixels
    mean: tuple[Mean, Mean, Mean] = IMAGENET_MEAN
    std: tuple[Deviation, Deviation, Deviation] = IMAGENET_STD
    crop_pct: CropShare = 0.875
    interpolation: Interpolation = "bilinear"
    crop_mode: CropMode = "center"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of one input batch, (1, 3, height, width)."""
        return (1, 3, self.height, self.width)

    @property
    def of_pixels(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What a pixel, 0 to 255, is multiplied by and what is added then, each by channel."""
        scale = tuple(1 / (LARGEST_PIXEL * std) for std in self.std)
        return scale, tuple(-mean / std for mean, std in zip(self.mean, self.std, strict=True))
