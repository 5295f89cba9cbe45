"""Reads the ids in a mask, one a pixel, from a PNG file."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from zoo.errors import InputError, reason_of, shown
from zoo.images import LONGEST_REASON, MOST_PIXELS

_IDS = frozenset({"1", "L", "P", "I", "I;16", "I;16B", "I;16L", "I;16N"})
"""Modes whose values are ids as they are; of a palette, the indices."""
LARGEST_ID = 2**24 - 1


class BadMaskError(InputError):
    """A mask that cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: cannot be read as a mask ({shown(reason, LONGEST_REASON)})")


def read_ids(path: Path, *, coco: bool = False) -> NDArray[np.int32]:
    """The ids (H, W) in a PNG file, 0..2**24-1.

    They are the values of a grey picture of up to 16 bits, the indices of one with a palette, and
    in a picture in colour the indices of Pascal VOC's palette, or with ``coco`` COCO's panoptic
    ids, red + 256 green + 65536 blue. A picture in colour that is all grey and has other colours
    than VOC's counts as grey.

    Raises:
        BadMaskError: the file cannot be read, is no PNG, has transparency or colours of another
            palette, or has more than MOST_PIXELS pixels.
    """
    try:
        return _read(path, coco)
    except BadMaskError:
        raise
    except UnidentifiedImageError as error:
        raise BadMaskError(path, "not a PNG file; other formats change ids") from error
    except Exception as error:  # arbitrary bytes make decoders fail in many ways
        raise BadMaskError(path, reason_of(error)) from error


@cache
def voc_palette() -> NDArray[np.uint8]:
    """RGB of Pascal VOC's classes, (256, 3): bit j of colour c, from the top, is bit 3 j + c of the
    index (VOC devkit, ``VOClabelcolormap``)."""
    index = np.arange(256)[:, None]
    channel = np.arange(3)
    colours = sum(((index >> (3 * bit + channel)) & 1) << (7 - bit) for bit in range(3))
    return np.asarray(colours, np.uint8)


def _read(path: Path, coco: bool) -> NDArray[np.int32]:
    if not path.is_file():
        raise BadMaskError(path, "is a folder, pipe or device" if path.exists() else "no such file")
    with Image.open(path, formats=("PNG",)) as image:
        if math.prod(image.size) > MOST_PIXELS:
            raise BadMaskError(path, f"{image.width}x{image.height} pixels are too many")
        image.load()
        if image.mode in _IDS:
            if coco:
                raise BadMaskError(path, f"its mode is {image.mode}, and panoptic ids are in RGB")
            return np.asarray(image).astype(np.int32)
        if image.mode != "RGB":
            raise BadMaskError(path, f"its mode is {image.mode}; save ids in grey or a palette")
        red, green, blue = np.moveaxis(np.asarray(image).astype(np.int32), 2, 0)
    numbers: NDArray[np.int32] = red + 256 * green + 65536 * blue
    return numbers if coco else _by_colour(path, numbers)


def _by_colour(path: Path, numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    palette = voc_palette().astype(np.int32)
    known = palette[:, 0] + 256 * palette[:, 1] + 65536 * palette[:, 2]
    colours, where = np.unique(numbers, return_inverse=True)
    strange = colours[~np.isin(colours, known)]
    if not strange.size:
        order = np.argsort(known)
        indices = order[np.searchsorted(known[order], colours)].astype(np.int32)
        return indices[where].reshape(numbers.shape)
    grey = colours % 256 * 0x010101
    if (grey == colours).all():
        return numbers % 256
    first = int(strange[0])
    colour = (first % 256, first // 256 % 256, first // 65536)
    raise BadMaskError(
        path, f"its colour {colour} is none of Pascal VOC's palette; save class ids in grey"
    )
