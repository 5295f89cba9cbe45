"""What the user asked ``fbdeploy deploy`` for, checked and ready to be sent to workers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from fbdeploy.manifest import Format, Precision

DEFAULT_IMAGES = 2000
"""Images each artefact is scored on unless the user says otherwise (all, if there are fewer)."""


class InputOptions(BaseModel):
    """What the user says about the network's input; None leaves what its source says.

    ``size`` is (height, width) in pixels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: tuple[int, int] | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    crop_pct: float | None = None
    interpolation: Literal["nearest", "bilinear", "bicubic"] | None = None


class DeployRequest(BaseModel):
    """One deployment. ``images`` None means all; ``threads`` are those that latency is timed with.

    ``data`` and ``calibration`` are folders or dataset names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str
    weights: str | None = None
    num_classes: int | None = None
    input: InputOptions = InputOptions()
    data: str
    calibration: str
    formats: tuple[Format, ...]
    precisions: tuple[Precision, ...]
    recipe: str
    output: Path
    threads: int = 1
    images: int | None = DEFAULT_IMAGES
    skip_bad_images: bool = False
