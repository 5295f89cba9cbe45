"""An interval, and how sure one wants to be of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

if TYPE_CHECKING:  # readers of results, who need no more than intervals, are not to wait for numpy
    import numpy as np
    from numpy.typing import NDArray

CONFIDENCE = 0.95
FloatVector: TypeAlias = "NDArray[np.float64]"


class Interval(NamedTuple):
    """A closed interval; in JSON, [low, high]."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """High minus low."""
        return self.high - self.low

    def __contains__(self, value: object) -> bool:
        return self.low <= cast(float, value) <= self.high
