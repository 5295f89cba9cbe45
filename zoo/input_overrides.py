"""What the user says about a network's input, over what its source says."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from torch import nn

from zoo.detection.conventions import detection_spec
from zoo.errors import InputError
from zoo.input_spec import InputSpec, Interpolation
from zoo.outputs import Interface


@dataclass(frozen=True)
class InputOverrides:
    """What the user says about the input; None leaves what the network's source says.

    ``size`` is in pixels, one number for a square or (height, width); the rest as InputSpec.
    """

    size: int | tuple[int, int] | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    crop_pct: float | None = None
    interpolation: Interpolation | None = None


def overridden(
    name: str, module: nn.Module, spec: InputSpec | None, overrides: InputOverrides
) -> InputSpec:
    """The input that network ``name`` gets: its source's, changed by what the user says.

    Raises:
        InputError: no size is known, or a value is out of its range.
    """
    size = (overrides.size, overrides.size) if isinstance(overrides.size, int) else overrides.size
    if spec is None:
        if size is None:
            raise InputError(f"{name}: has no pretrained_cfg, so give --input-size (pixels)")
        spec = detection_spec(*size) if _detects(module) else InputSpec(*size)
    changes: dict[str, Any] = {
        key: getattr(overrides, key)
        for key in ("mean", "std", "crop_pct", "interpolation")
        if getattr(overrides, key) is not None
    }
    if size is not None:
        changes |= {"height": size[0], "width": size[1]}
    spec = dataclasses.replace(spec, **changes)
    if min(spec.height, spec.width) < 1:
        raise InputError(f"{name}: input size {spec.height}x{spec.width} is not positive")
    if not 0 < spec.crop_pct <= 1:
        raise InputError(f"{name}: crop_pct {spec.crop_pct} is outside (0, 1]")
    finite = all(math.isfinite(value) for value in (*spec.mean, *spec.std))
    three = len(spec.mean) == len(spec.std) == 3
    if not finite or not three or not all(value > 0 for value in spec.std):
        raise InputError(f"{name}: mean and std are three numbers each, std above 0")
    return spec


def _detects(module: nn.Module) -> bool:
    """Whether a module says that it is a detector."""
    interface = getattr(module, "interface", None)
    return isinstance(interface, Interface) and interface.task == "detection"
