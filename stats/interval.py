"""An interval, and how sure one wants to be of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # readers of results, who need no more than intervals, are not to wait for numpy
    import numpy as np
    from numpy.typing import NDArray

CONFIDENCE = 0.95
FloatVector: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True)
class Interval:
    """A closed interval."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """High minus low."""
        return self.high - self.low

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def as_tuple(self) -> tuple[float, float]:
        """(low, high), as JSON wants it."""
        return (self.low, self.high)


def pair_of(interval: Interval | None) -> tuple[float, float] | None:
    """(low, high), None of no interval."""
    return None if interval is None else interval.as_tuple()
