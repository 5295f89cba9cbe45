"""Random boxes as detectors make them, for tests."""

from __future__ import annotations

import torch
from torch import Tensor

SIZE = 320


def clustered_boxes(count: int, seed: int, clusters: int = 20) -> Tensor:
    """(count, 4) boxes of a 320 x 320 input that overlap in clusters, clipped to it."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.rand(clusters, 2, generator=generator) * SIZE
    sizes = torch.rand(clusters, 2, generator=generator) * 120 + 8
    which = torch.randint(clusters, (count,), generator=generator)
    jitter = torch.randn(count, 4, generator=generator)
    centre = centres[which] + jitter[:, :2] * sizes[which] * 0.15
    size = sizes[which] * torch.exp(jitter[:, 2:] * 0.2)
    return torch.cat((centre - size / 2, centre + size / 2), dim=1).clamp(0, SIZE)
