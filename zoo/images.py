"""Reads one picture of any kind as RGB, or says in one line why it cannot.

A picture is opened as what its suffix promises, or as one of the formats that photos are renamed
between (ImageNet's ``n02105855_2933.JPEG`` is a PNG file). No decoder that starts another program
is ever tried.

Every picture comes out upright (EXIF), as 8-bit RGB, in the first of its frames. An alpha channel
is left out, as torchvision and timm do when they train.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from zoo.errors import InputError, reason_of, shown

# Pillow tells of some damage to stderr, beside the exception, where nobody listens to its logger.
logging.getLogger("PIL").addHandler(logging.NullHandler())

MOST_PIXELS = 89_478_485
"""Pillow's own bound for what may be a decompression bomb (``Image.MAX_IMAGE_PIXELS``): 256 MB as
RGB."""
LONGEST_REASON = 120

_RENAMED_PHOTOS = ("JPEG", "PNG", "WEBP")
_FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".ppm": "PPM",
    ".pgm": "PPM",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
IMAGE_SUFFIXES = frozenset(_FORMATS)

_EIGHT_BIT = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"})
_WITH_ALPHA = {"LA": "LA", "La": "LA", "PA": "RGBA", "RGBA": "RGBA", "RGBa": "RGBA"}
"""By mode, the one with straight alpha."""
_WIDE = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
_PHOTOMETRIC, _BITS = 262, 258  # tags of TIFF 6.0, section 8
_WHITE_IS_ZERO = 0
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by EXIF's orientation (JEITA CP-3451, 4.6.4)."""
SIDEWAYS = frozenset({5, 6, 7, 8})
"""The orientations whose rows are the upright picture's columns."""
_DARKEST = 1 / 16
"""The least part of its range that a 16-bit or float picture must use: 12 bits in 16 use less, and
would come out black."""

# What matters of what Pillow warns of is told by BadImageError.
warnings.filterwarnings("ignore", module=r"PIL\.")


class BadImageError(InputError):
    """A picture that cannot be used; ``name`` and ``reason`` say which and why."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, shown(reason, LONGEST_REASON)
        super().__init__(
            f"{name}: cannot be read as an image ({self.reason}); "
            "replace it, or leave such images out with --skip-bad-images"
        )


class UnusableImageError(InputError):
    """Why an image in memory cannot be used; its reader knows its name."""


@dataclass(frozen=True)
class Header:
    """A picture file's pixels as they are stored, and how they were held: EXIF's orientation in
    1..8, 1 being upright."""

    width: int
    height: int
    orientation: int


def read_header(path: Path) -> Header:
    """What ``read_image`` knows of a picture before it decodes its pixels.

    Raises:
        BadImageError: as ``read_image``, but for damage among the pixels.
    """
    with _telling(path), _opened(path) as image:
        orientation, (width, height) = _orientation(image), image.size
        if image.format == "TIFF" and orientation in SIDEWAYS:
            # Pillow turns those by itself, and tells their size so before it has.
            width, height = height, width
        return Header(width, height, orientation)


def read_image(path: Path) -> Image.Image:
    """The picture in a file: mode RGB, upright, its first frame.

    16-bit pictures are scaled to 8 bits, and float ones from 0..1 or 0..255. Pixels of those that
    leave more than 15/16 of that range unused, or go beyond it, have no known meaning.

    Raises:
        BadImageError: the file cannot be read, is no image of a kind its suffix promises, is
            damaged, has more than MOST_PIXELS pixels, or its pixels cannot be told in 8 bits.
    """
    with _telling(path), _opened(path) as image:
        image.load()
        return _upright(to_rgb(image), _orientation(image))


def to_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode as RGB; ``read_image`` says how.

    Raises:
        UnusableImageError: its pixels cannot be told in 8 bits.
    """
    if image.mode == "P" and "transparency" in image.info:
        return _without_alpha(image.convert("RGBA"))
    if image.mode in _EIGHT_BIT:
        return image.convert("RGB")
    if image.mode in _WITH_ALPHA:
        return _without_alpha(image.convert(_WITH_ALPHA[image.mode]))
    if image.mode in _WIDE:
        return _from_wide(image)
    raise UnusableImageError(f"its mode is {image.mode}; convert it to RGB")


def _formats(path: Path) -> tuple[str, ...]:
    own = _FORMATS.get(path.suffix.lower())
    return tuple(dict.fromkeys(((own,) if own else ()) + _RENAMED_PHOTOS))


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Whatever goes wrong with the picture in ``path`` is a BadImageError."""
    try:
        yield
    except UnidentifiedImageError as error:
        kinds = ", ".join(_formats(path))
        raise BadImageError(str(path), f"not an image of the kinds {kinds}") from error
    except MemoryError as error:
        raise BadImageError(str(path), "needs more memory than there is") from error
    except Exception as error:  # arbitrary bytes make decoders fail in many ways
        raise BadImageError(str(path), reason_of(error)) from error


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture in ``path``, whose pixels are not decoded yet."""
    if not path.is_file():  # a pipe would be waited for
        raise UnusableImageError("is a folder, pipe or device" if path.exists() else "no such file")
    if not path.stat().st_size:
        raise UnusableImageError("the file is empty")
    with Image.open(path, formats=_formats(path)) as image:
        if min(image.size) < 1:
            raise UnusableImageError("it has no pixels")
        if math.prod(image.size) > MOST_PIXELS:
            width, height = image.size
            raise UnusableImageError(
                f"{width}x{height} pixels are over {MOST_PIXELS / 1e6:.0f} million"
            )
        yield image


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    method = _UPRIGHT.get(orientation)
    return picture if method is None else picture.transpose(method)


def _orientation(image: Image.Image) -> int:
    """EXIF's; 1 where there is none, and where the metadata is broken but the pixels whole."""
    try:
        told = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:
        return 1
    return told if isinstance(told, int) and told in _UPRIGHT else 1


def _without_alpha(image: Image.Image) -> Image.Image:
    opaque = image.convert("RGB")
    if _is_plain(opaque) and not _is_plain(image.getchannel("A")):
        raise UnusableImageError(
            f"its mode is {image.mode} and all it shows is in its transparency; "
            "put it on a background"
        )
    return opaque


def _is_plain(image: Image.Image) -> bool:
    return image.getcolors(maxcolors=1) is not None


def _bits(image: Image.Image) -> int:
    """Bits of an integer grey pixel: 16, or as many as a TIFF file says."""
    told = getattr(image, "tag_v2", {}).get(_BITS, (16,))
    return min(16, int(told[0]))


def _from_wide(image: Image.Image) -> Image.Image:
    """Scale grey pixels of 12, 16 or 32 bits, or floats.

    Of integers the highest eight bits stay, as in Pillow's 16-bit RGB; floats are rounded.
    """
    pixels: NDArray[Any] = np.asarray(image)
    if not np.isfinite(pixels).all():
        raise UnusableImageError(f"its mode is {image.mode} and some pixels are no numbers")
    low, high = float(pixels.min()), float(pixels.max())
    bits = _bits(image)
    white = (1 << bits) - 1
    if image.mode == "F":
        white = 1 if high <= 1 else 255
    meaning = f"its mode is {image.mode} and its pixels are {low:.4g} to {high:.4g}, where"
    if low < 0 or high > white:
        raise UnusableImageError(f"{meaning} 0 to {white} is black to white; save it in 8 bits")
    if low < high < white * _DARKEST:
        raise UnusableImageError(f"{meaning} {white} is white: all of it black; save it in 8 bits")
    eight = np.rint(pixels * (255 / white)) if image.mode == "F" else pixels >> (bits - 8)
    grey = Image.fromarray(eight.astype(np.uint8))
    if getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        grey = ImageOps.invert(grey)
    return grey.convert("RGB")
