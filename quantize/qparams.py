"""Scales and zero points, and the arithmetic that goes with them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

QMIN, QMAX = -128, 127
WEIGHT_MAX = 127
#: Smaller scales lose precision in the runtimes' fixed-point requantization.
SMALLEST_SCALE = 2.0**-24
#: That of a tensor that is constantly zero: one like its neighbours', of which no runtime's kernels
#: make too large a quotient, nor float16 too small a number.
ZERO_SCALE = 2.0**-7


@dataclass(frozen=True)
class QParams:
    """int8 affine quantization of one tensor: real = scale * (q - zero_point), q in [-128, 127]."""

    scale: float
    zero_point: int

    @property
    def low(self) -> float:
        """The smallest real value on the grid."""
        return self.scale * (QMIN - self.zero_point)

    @property
    def high(self) -> float:
        """The largest real value on the grid."""
        return self.scale * (QMAX - self.zero_point)

    def fake_quantize(self, x: Tensor) -> Tensor:
        """Round ``x`` (float32, any shape) to the grid and saturate; without a gradient.

        The arithmetic of ``quantized_decomposed`` and of the runtimes: halves go to the even
        number of steps from zero. torch's own fake-quantize takes three times as long.
        """
        steps = x.detach().mul(1.0 / self.scale).round_()
        return steps.clamp_(QMIN - self.zero_point, QMAX - self.zero_point).mul_(self.scale)


def from_range(low: float, high: float) -> QParams:
    """The grid that covers [low, high] and holds zero exactly."""
    low, high = min(low, 0.0), max(high, 0.0)
    if high - low < SMALLEST_SCALE:
        return QParams(ZERO_SCALE, QMIN)
    scale = float(torch.tensor(max((high - low) / (QMAX - QMIN), SMALLEST_SCALE)).float())
    zero_point = round(QMIN - low / scale)
    return QParams(scale, max(QMIN, min(QMAX, zero_point)))


@dataclass(frozen=True)
class QuantizedWeight:
    """A weight in int8: ``values`` (out, ...) in [-127, 127], ``scale`` (out,) float32."""

    values: Tensor
    scale: Tensor

    def dequantize(self) -> Tensor:
        """The weight the integer kernel computes with, float32 (out, ...)."""
        shape = (-1,) + (1,) * (self.values.ndim - 1)
        return self.values.float() * self.scale.reshape(shape)
