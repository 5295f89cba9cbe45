"""Class indices as a short text for a JSON file."""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np
from numpy.typing import NDArray


def pack(values: NDArray[np.int32]) -> str:
    """int32 (n,) as base64 of zlib of their little-endian bytes."""
    return base64.b64encode(zlib.compress(values.astype("<i4").tobytes(), 9)).decode("ascii")


def unpack(text: str, count: int) -> NDArray[np.int32]:
    """What ``pack`` was given, int32 (count,).

    Raises:
        ValueError: another text, or another number of values.
    """
    try:
        # No more is inflated than belongs there, so that a small text cannot fill the memory.
        inflater = zlib.decompressobj()
        data = inflater.decompress(base64.b64decode(text, validate=True), 4 * count + 1)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"are not packed values ({error})") from error
    if len(data) != 4 * count or not inflater.eof or inflater.unused_data:
        raise ValueError(f"are not {count} packed values")
    return np.frombuffer(data, "<i4").astype(np.int32)
