"""Numbers of images as a short text for a JSON file."""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np
from numpy.typing import NDArray

from zoo.input_spec import MOST_CLASSES


def pack(values: NDArray[np.int32]) -> str:
    """int32 (n,) as base64 of zlib of their little-endian bytes."""
    return _packed(values.astype("<i4").tobytes())


def unpack(text: str, count: int) -> NDArray[np.int32]:
    """What ``pack`` was given, int32 (count,).

    Raises:
        ValueError: another text, or another number of values.
    """
    return np.frombuffer(_unpacked(text, count), "<i4").astype(np.int32)


def pack_floats(values: NDArray[np.float64]) -> str:
    """Numbers of any shape as base64 of zlib of little-endian float32."""
    return _packed(values.astype("<f4").tobytes())


def unpack_floats(text: str, count: int) -> NDArray[np.float64]:
    """What ``pack_floats`` was given, but for rounding, float64 (count,).

    Raises:
        ValueError: another text, another number of values, or one that is not finite.
    """
    values = np.frombuffer(_unpacked(text, count), "<f4").astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("are not finite")
    return values


def check_classes(indices: NDArray[np.int32], smallest: int) -> None:
    """Raise ValueError where ``indices`` are no classes; ``smallest`` is the least allowed."""
    if indices.size and not smallest <= indices.min() <= indices.max() < MOST_CLASSES:
        raise ValueError("are no classes")


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _unpacked(text: str, count: int) -> bytes:
    """The bytes of ``count`` values of four."""
    try:
        # No more is inflated than belongs there, so that a small text cannot fill the memory.
        inflater = zlib.decompressobj()
        data = inflater.decompress(base64.b64decode(text, validate=True), 4 * count + 1)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"are not packed values ({error})") from error
    if len(data) != 4 * count or not inflater.eof or inflater.unused_data:
        raise ValueError(f"are not {count} packed values")
    return data
