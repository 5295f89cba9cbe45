"""The normalizations a detector can be trained with."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.distributed
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

from zoo.detection.rules import Norm

GROUPS = 32
"""Of GN (detectron2's number); where channels are no multiple of it, their greatest common divisor.
"""


def make_norm(norm: Norm, channels: int) -> nn.Module | None:
    """A normalization of ``channels``; None for ``folded``."""
    if norm == "BN":
        return nn.BatchNorm2d(channels)
    if norm == "SyncBN":
        return nn.SyncBatchNorm(channels)
    if norm == "naiveSyncBN":
        return NaiveSyncBatchNorm2d(channels)
    if norm == "GN":
        return nn.GroupNorm(math.gcd(GROUPS, channels), channels)
    return None


class NaiveSyncBatchNorm2d(nn.BatchNorm2d):
    """Batch normalization by the mean of all processes' means and mean squares, weighted equally.

    As detectron2's NaiveSyncBatchNorm (its default mode): the running variance takes the biased
    variance of all processes, where nn.BatchNorm2d takes the unbiased one. In one process, and in
    evaluation, it is nn.BatchNorm2d.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalize (N, C, H, W), N at least 1 in every process; the shape is kept."""
        processes = _processes()
        if not self.training or processes == 1:
            return super().forward(input)
        assert self.running_mean is not None and self.running_var is not None
        assert self.momentum is not None and self.num_batches_tracked is not None
        values = input.float()  # half precision is too coarse for mean squares
        moments = torch.stack((values.mean((0, 2, 3)), values.square().mean((0, 2, 3))))
        # The sum's gradient is the sum of the processes' gradients.
        total: Callable[[Tensor], Tensor] = all_reduce
        mean, square = (total(moments) / processes).unbind()
        variance = square - mean.square()
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance, self.momentum)
            self.num_batches_tracked.add_(1)
        normalized = values * scale[:, None, None] + shift[:, None, None]
        return normalized.to(input.dtype)


def _processes() -> int:
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return 1
    return torch.distributed.get_world_size()
