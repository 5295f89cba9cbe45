"""A balanced sample of examples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """``count`` examples a picture, of which at most the share ``positives`` are of objects."""

    count: int
    positives: float


def sample(kind: Tensor, sampling: Sampling, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Indices of examples of objects, and of background, drawn of all there are.

    Args:
        kind: as ``Assignment`` has it, (B,).
        sampling: how many; background makes up the number.
        random: what is drawn with.
    """
    objects = _draw(
        torch.nonzero(kind > 0).flatten(), int(sampling.count * sampling.positives), random
    )
    others = _draw(torch.nonzero(kind == 0).flatten(), sampling.count - len(objects), random)
    return objects, others


def _draw(indices: Tensor, most: int, random: torch.Generator) -> Tensor:
    order = torch.randperm(len(indices), generator=random).to(indices.device)
    return indices[order[:most]]
