"""Which images calibrate, which judge, and which are only learned from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from quantize.recipe import Calibration
from zoo.datasets import evenly_spaced


@dataclass(frozen=True)
class Split:
    """Indices (int64) of images; no image is in two of them."""

    calibration: Tensor
    held_out: Tensor
    further: Tensor


def split(count: int, calibration: Calibration) -> Split:
    """Split ``count`` images as ``calibration`` says, each part spread evenly over all of them,
    so that a folder sorted by class stays balanced."""
    taken = torch.tensor(evenly_spaced(count, calibration.images))
    held = min(calibration.held_out, len(taken) // 4)
    is_held = torch.zeros(len(taken), dtype=torch.bool)
    if held:
        is_held[torch.linspace(0, len(taken) - 1, held).long()] = True
    is_further = torch.ones(count, dtype=torch.bool)
    is_further[taken] = False
    return Split(taken[~is_held], taken[is_held], is_further.nonzero().flatten())
