"""How images become a network's input, as plain arguments say it."""

from __future__ import annotations

from collections.abc import Sequence

from fbdeploy.pipeline.request import InputOptions
from zoo.input_spec import Interpolation

Size = int | tuple[int, int]
"""Pixels: the side of a square, or (height, width)."""
Channels = Sequence[float]
"""One number for each of red, green and blue."""


def input_options(
    size: Size | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    crop_pct: float | None = None,
    interpolation: Interpolation | None = None,
) -> InputOptions:
    """The arguments as the pipeline has them; None leaves what the network's source says.

    Raises:
        pydantic.ValidationError: one is out of range.
    """
    given = {
        "size": (size, size) if isinstance(size, int) else size,
        "mean": None if mean is None else tuple(mean),
        "std": None if std is None else tuple(std),
        "crop_pct": crop_pct,
        "interpolation": interpolation,
    }
    return InputOptions.model_validate(given)
