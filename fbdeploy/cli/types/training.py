"""How a detector is trained."""

from __future__ import annotations

from typing import NamedTuple, cast, get_args

from fbdeploy.cli.types.numbers import as_real
from fbdeploy.cli.types.reading import option, refuse
from zoo.detection.rules import Norm

NORMS = tuple(name for name in get_args(Norm) if name != "folded")


class Pair(NamedTuple):
    """Two overlaps."""

    lower: float
    upper: float


@option
def thresholds(given: str) -> Pair:
    """A lower and an upper overlap, each in 0..1: ``0.3,0.7``."""
    parts = given.split(",")
    if len(parts) != 2:
        refuse(given, "is no pair of overlaps; give 0.3,0.7")
    lower, upper = (as_real(part.strip(), given, 0.0, 1.0) for part in parts)
    if not 0 < lower <= upper < 1:
        refuse(given, "is no pair of overlaps; give 0 < LOWER <= UPPER < 1")
    return Pair(lower, upper)


@option
def norm(given: str) -> Norm:
    """A normalization."""
    if given not in NORMS:
        refuse(given, f"is unknown; give one of {', '.join(NORMS)}")
    return cast(Norm, given)
