"""What a network's input is: its size, and how an image becomes it."""

from __future__ import annotations

import re
from typing import NamedTuple, cast, get_args

from export.format_info import Layout, TensorType
from fbdeploy.cli.types.numbers import as_real, real
from fbdeploy.cli.types.reading import option, refuse
from zoo.input_spec import (
    LARGEST_MEAN,
    LARGEST_SIDE,
    LARGEST_STD,
    SMALLEST_CROP,
    SMALLEST_STD,
    Interpolation,
)


class Size(NamedTuple):
    """Pixels."""

    height: int
    width: int


class Triple(NamedTuple):
    """One number a channel."""

    red: float
    green: float
    blue: float


@option
def size(given: str) -> Size:
    """Height and width in pixels: ``224`` or ``192x256``."""
    match = re.fullmatch(r"([0-9]{1,9})(?:[xX]([0-9]{1,9}))?", given)
    if match is None:
        refuse(given, "is no size in pixels; give 224 or 192x256")
    height, width = int(match[1]), int(match[2] or match[1])
    if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
        refuse(given, f"is out of range; a side has 1 to {LARGEST_SIDE} pixels")
    return Size(height, width)


@option
def mean(given: str) -> Triple:
    """The mean of each channel, of values in 0..1."""
    return _triple(given, -LARGEST_MEAN, LARGEST_MEAN)


@option
def std(given: str) -> Triple:
    """The deviation of each channel, above 0."""
    return _triple(given, SMALLEST_STD, LARGEST_STD)


@option
def interpolation(given: str) -> Interpolation:
    """How images are resized."""
    if given not in get_args(Interpolation):
        refuse(given, f"is unknown; give one of {', '.join(get_args(Interpolation))}")
    return cast(Interpolation, given)


@option
def layout(given: str) -> Layout:
    """How an artefact takes an image."""
    if given not in get_args(Layout):
        refuse(given, f"is unknown; give one of {', '.join(get_args(Layout))}")
    return cast(Layout, given)


@option
def input_type(given: str) -> TensorType:
    """What artefacts take of an image."""
    if given not in get_args(TensorType):
        refuse(given, f"is unknown; give one of {', '.join(get_args(TensorType))}")
    return cast(TensorType, given)


crop_share = real(SMALLEST_CROP, 1.0)


def _triple(given: str, smallest: float, largest: float) -> Triple:
    parts = given.split(",")
    if len(parts) != 3:
        refuse(given, "must be three numbers with commas, such as 0.485,0.456,0.406")
    return Triple(*(as_real(part, given, smallest, largest) for part in parts))
