"""The class of each pixel, small enough that those of thousands of pictures are held at once."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

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
