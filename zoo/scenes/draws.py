"""Random integers that are the same on every machine and under every version of numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T")


class Draws:
    """A stream of integers of its own for every pair of ``seed`` and ``index``.

    Philox is a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2,
    3", SC 2011), of which numpy keeps the raw output as it is (NEP 19); what numpy makes of it,
    such as ``Generator.integers``, may change.
    """

    def __init__(self, seed: int, index: int) -> None:
        self._bits = np.random.Philox(key=[seed, index])

    def below(self, count: int) -> int:
        """An integer of 0..count-1, count at most 2**32 (bias below count / 2**32)."""
        return (int(self._bits.random_raw()) >> 32) * count >> 32

    def between(self, low: int, high: int) -> int:
        """An integer of low..high."""
        return low + self.below(high - low + 1)

    def choice(self, values: Sequence[_T]) -> _T:
        """One of ``values``."""
        return values[self.below(len(values))]

    def octets(self, *shape: int) -> NDArray[np.uint8]:
        """Integers of 0..255 in an array of this shape."""
        count = int(np.prod(shape))
        words = self._bits.random_raw(-(-count // 8))
        return np.asarray(words).astype("<u8").view(np.uint8)[:count].reshape(shape)
