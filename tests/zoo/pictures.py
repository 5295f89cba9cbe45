"""Pictures written byte by byte, and what is read of them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from zoo.images import BadImageError, read_image
from zoo.input_spec import InputSpec

SPEC = InputSpec(48, 48, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), crop_pct=1.0)

RAMP = np.arange(48 * 48).reshape(48, 48) / (48 * 48 - 1)  # float64 in 0..1

GREY = (RAMP * 255).astype(np.uint8)

GREY16 = GREY.astype(np.uint16) * 257

COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)


def pixels_of(path: Path) -> NDArray[np.uint8]:
    image = read_image(path)
    assert image.mode == "RGB"
    return np.asarray(image)


def refusal_of(path: Path) -> str:
    with pytest.raises(BadImageError) as error:
        read_image(path)
    text = str(error.value)
    assert str(path) in text and "\n" not in text and len(text) <= 300
    return error.value.reason


def grey_of(path: Path) -> NDArray[np.uint8]:
    pixels = pixels_of(path)
    assert (pixels[..., :1] == pixels).all()
    return pixels[..., 0]


def write_png(path: Path, chunks: list[tuple[bytes, bytes]]) -> None:
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in [*chunks, (b"IEND", b"")]:
        content += struct.pack(">I", len(data)) + kind + data
        content += struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(content)
