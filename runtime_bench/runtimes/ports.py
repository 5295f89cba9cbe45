"""How an artefact takes one image, whoever made it: its layout, its element type, its grid.

Callers always give float32 (N, 3, height, width), pre-processed; what the file wants instead is
made of that here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.format_info import Layout
from zoo.errors import InputError

FloatArray = NDArray[np.float32]
Size = tuple[int, int]
"""Height and width in pixels."""

INPUT_TYPES = ("float32", "float16", "uint8", "int8")
OUTPUT_TYPES = (*INPUT_TYPES, "float64", "int16", "int32", "int64")
CHANNELS = 3
FIRST_PIXEL = {"uint8": 0, "int8": -128}
"""The integer that stands for the pixel value 0, in inputs that take pixels as they are."""


class Normalization(NamedTuple):
    """(value / 255 - ``mean``) / ``std`` is what the network sees of a pixel's value."""

    mean: float
    std: float

    def of(self, pixels: NDArray[np.floating[Any]]) -> FloatArray:
        """Pixels, 0 to 255, of any shape, as an artefact of that normalization is given them."""
        values: FloatArray = ((pixels / 255 - self.mean) / self.std).astype(np.float32)
        return values


@dataclass(frozen=True)
class Grid:
    """Real values of integers: ``scale`` * (integer - ``zero_point``)."""

    scale: float = 1.0
    zero_point: int = 0

    @classmethod
    def told(cls, scales: Sequence[float], zero_points: Sequence[int]) -> Grid:
        """That of a tensor that has one, else integers as they are."""
        if len(scales) != 1 or not scales[0]:
            return cls()
        return cls(float(scales[0]), int(zero_points[0]) if len(zero_points) else 0)


@dataclass(frozen=True)
class ImagePort:
    """The input of an artefact; ``height`` and ``width`` are None where any size will do."""

    height: int | None
    width: int | None
    layout: Layout = "nchw"
    dtype: str = "float32"
    grid: Grid = Grid()

    @property
    def shape(self) -> tuple[int, int, int, int] | None:
        """(1, 3, height, width), however it is laid out in the file; None where any size will
        do."""
        if self.height is None or self.width is None:
            return None
        return (1, CHANNELS, self.height, self.width)

    @property
    def stored_shape(self) -> tuple[int, ...] | None:
        """The same as the file has it."""
        if self.height is None or self.width is None:
            return None
        size = (self.height, self.width)
        return (1, CHANNELS, *size) if self.layout == "nchw" else (1, *size, CHANNELS)

    @property
    def pixels(self) -> Normalization | None:
        """What is done to pixels that an integer input takes as they are; None for floats."""
        first = FIRST_PIXEL.get(self.dtype)
        if first is None:
            return None
        return Normalization((self.grid.zero_point - first) / 255, 1 / (255 * self.grid.scale))

    def encode(self, images: FloatArray) -> NDArray[np.generic]:
        """Images float32 (N, 3, height, width) as the file takes them, contiguous."""
        laid_out = images if self.layout == "nchw" else images.transpose(0, 2, 3, 1)
        if self.dtype in FIRST_PIXEL:
            limits = np.iinfo(self.dtype)
            steps = np.rint(laid_out / np.float32(self.grid.scale)) + self.grid.zero_point
            laid_out = np.clip(steps, limits.min, limits.max)
        return np.ascontiguousarray(laid_out, dtype=self.dtype)

    def of_size(self, path: Path, size: Size | None) -> ImagePort:
        """This port for images of ``size``.

        Raises:
            InputError: it takes another size.
        """
        if size is None:
            return self
        if self.shape is not None and (self.height, self.width) != size:
            raise InputError(
                f"{path}: takes {self.height}x{self.width} images; leave --input-size out"
            )
        return replace(self, height=size[0], width=size[1])


def decode(values: NDArray[np.generic], grid: Grid = Grid()) -> FloatArray:
    """An output as float32: integers by their grid."""
    found: FloatArray = np.asarray(values, np.float32)
    if grid == Grid():
        return found
    return (found - np.float32(grid.zero_point)) * np.float32(grid.scale)


def image_port(
    path: Path,
    name: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    shape: Sequence[int | str | None],
    grid: Grid = Grid(),
) -> ImagePort:
    """The input of an artefact that takes one image and gives tensors of numbers.

    Args:
        path: the file.
        name: its runtime's.
        inputs: element types of the inputs.
        outputs: those of the outputs.
        shape: of the first input; what is not a positive number is free.
        grid: of its integers.

    Raises:
        InputError: it takes or gives something else.
    """
    check_types(path, name, inputs, outputs)
    layout, height, width = _laid_out(path, name, shape)
    return ImagePort(height, width, layout, inputs[0], grid)


def check_types(path: Path, name: str, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Refuse what does not take one tensor of an image and give tensors of numbers.

    Raises:
        InputError: it does not.
    """
    known = len(inputs) == 1 and inputs[0] in INPUT_TYPES
    if not known or not outputs or not set(outputs) <= set(OUTPUT_TYPES):
        raise InputError(
            f"{path}: {name} finds inputs of {', '.join(inputs) or 'nothing'} and outputs of "
            f"{', '.join(outputs) or 'nothing'}; give a network that takes one image, "
            f"{', '.join(INPUT_TYPES[:-1])} or {INPUT_TYPES[-1]}, and gives numbers"
        )


def _laid_out(
    path: Path, name: str, shape: Sequence[int | str | None]
) -> tuple[Layout, int | None, int | None]:
    """Layout, height and width of an input; a size that is free is None."""
    sizes = [size if isinstance(size, int) and size > 0 else None for size in shape]
    if len(sizes) == 4 and sizes[0] in (None, 1):
        _, first, second, third = sizes
        if first == CHANNELS:
            return "nchw", second, third
        if third == CHANNELS:
            return "nhwc", first, second
        if first is None and third is None:
            return "nchw", second, third
    shown = ", ".join(str(size) for size in shape)
    raise InputError(
        f"{path}: {name} wants an input of ({shown}), not one image in colour, (1, 3, height, "
        "width) or (1, height, width, 3); export the network for that"
    )
