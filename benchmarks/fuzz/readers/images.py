"""Images of every format that is read, and the table of their labels."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.fuzz.reader import Reader
from zoo.datasets import batches, open_dataset
from zoo.images import read_image
from zoo.input_spec import InputSpec

SPEC = InputSpec(16, 16)
LABELS = ("cat", "dog")
SUFFIXES = ("jpg", "png", "webp", "tif", "bmp", "pgm")


def _valid(suffix: str) -> Callable[[Path], list[bytes]]:
    def contents(_: Path) -> list[bytes]:
        pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
        grey = pixels[..., 0]
        pictures = [Image.fromarray(grey)]
        if suffix != "pgm":
            pictures.append(Image.fromarray(pixels))
        if suffix in ("png", "tif", "pgm"):
            pictures.append(Image.fromarray(grey.astype(np.uint16) * 257))
        if suffix in ("png", "tif", "webp"):
            pictures.append(Image.fromarray(np.dstack([pixels, grey])))
        return [_saved(picture, suffix) for picture in pictures]

    return contents


def _saved(picture: Image.Image, suffix: str) -> bytes:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6  # turned by a quarter
    options = {"exif": exif} if suffix in ("jpg", "png", "webp", "tif") else {}
    picture.save(buffer, Image.registered_extensions()[f".{suffix}"], **options)
    return buffer.getvalue()


def _read_table(path: Path) -> None:
    found = open_dataset(path.parent, num_classes=len(LABELS), network_labels=LABELS)
    list(batches(found, SPEC, threads=1))


def _table(folder: Path) -> list[bytes]:
    for name in ("a", "b"):
        Image.new("RGB", (4, 4)).save(folder / f"{name}.png")
    return [b"image,label\na.png,0\nb.png,1\n", b"image,label,by\r\na.png,cat,x\r\nb.png,Dog,y\r\n"]


READERS = (
    *(Reader(f"image.{suffix}", _valid(suffix), f"a.{suffix}", read_image) for suffix in SUFFIXES),
    Reader("labels.csv", _table, "labels.csv", _read_table),
)
