"""The class of each pixel, small enough that those of thousands of pictures are held at once."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClassMap:
    """The class of each pixel, uint8 (height, width), compressed: neighbours are mostly alike."""

    height: int
    width: int
    data: bytes = field(repr=False)

    @classmethod
    def of(cls, classes: NDArray[np.uint8]) -> ClassMap:
        """That of the classes (height, width)."""
        height, width = classes.shape
        return cls(height, width, zlib.compress(np.ascontiguousarray(classes).tobytes(), 1))

    def pixels(self) -> NDArray[np.uint8]:
        """The classes (height, width).

        Raises:
            ValueError: the data are of another size, or no map's.
        """
        size = self.height * self.width
        inflater = zlib.decompressobj()
        try:  # no more than belongs there, so that a small text cannot fill the memory
            flat = inflater.decompress(self.data, size + 1)
        except zlib.error as error:
            raise ValueError(f"is no map of classes ({error})") from error
        if len(flat) != size or not inflater.eof:
            raise ValueError(f"is no map of {self.width}x{self.height} pixels")
        return np.frombuffer(flat, np.uint8).reshape(self.height, self.width)


def pack_maps(maps: Sequence[ClassMap]) -> dict[str, NDArray[Any]]:
    """Maps as arrays, to be stored: ``shapes`` int32 (N, 2), height and width; ``data`` uint8, the
    compressed classes of all maps one after the other, and the ``sizes`` int64 (N,) of each."""
    return {
        "shapes": np.array([(m.height, m.width) for m in maps], np.int32).reshape(-1, 2),
        "data": np.frombuffer(b"".join(m.data for m in maps), np.uint8),
        "sizes": np.array([len(m.data) for m in maps], np.int64),
    }


def unpack_maps(arrays: Mapping[str, NDArray[Any]]) -> list[ClassMap]:
    """The inverse of ``pack_maps``.

    Raises:
        ValueError: the arrays hold no maps; what they are of each is looked at when it is opened.
    """
    shapes, data, sizes = (arrays[key] for key in ("shapes", "data", "sizes"))
    kinds = tuple(array.dtype.kind for array in (shapes, data, sizes))
    if kinds != ("i", "u", "i") or data.itemsize > 1 or sizes.ndim != 1 or data.ndim != 1:
        raise ValueError("its arrays differ in length or kind")
    if shapes.shape != (len(sizes), 2) or shapes.min(initial=1) < 1:
        raise ValueError("its arrays differ in length or kind")
    if sizes.min(initial=0) < 0 or sizes.sum() != len(data):
        raise ValueError("it holds no maps of classes")
    ends = np.cumsum(sizes).tolist()
    return [
        ClassMap(height, width, data[end - size : end].tobytes())
        for (height, width), size, end in zip(shapes.tolist(), sizes.tolist(), ends, strict=True)
    ]
