"""A convolution's or linear layer's weight, bias and scales, trained."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from quantize.grids.weights import smallest_scales
from quantize.qat.rounding import integer_weight, per_channel, round_weight
from quantize.qparams import WEIGHT_MAX, QuantizedWeight

#: Steps from its integer that a weight starts at most; at 0.5 it would round to the next. Nearer
#: to that, the first noise of training rounds weights again, one by one, that had been rounded
#: together so that their errors cancel: with 0.499 MobileNetV3-Small's held-out KL rose from 0.0191
#: to 0.0227 in 50 steps, with this it fell to 0.0188.
FARTHEST_START = 0.3


class TrainedLayer(nn.Module):
    """The parameters of a layer, all without dimension, so that one rate fits every network:

    - ``weight`` (out, ...) in steps of the int8 grid it starts with: folded batch norms leave the
      channels of one layer up to a million times apart. What it differs by from the float one,
      ``remainder``, at the start, it does all along;
    - ``bias`` (out,) as what is added to the one it starts with, in steps of the output's grid;
    - ``log_scale`` (out,): the weight's scales are exp(log_scale) times those they start with.
    """

    start_scale: Tensor
    remainder: Tensor
    start_bias: Tensor
    correction: Tensor

    def __init__(
        self,
        weight: Tensor,
        quantized: QuantizedWeight,
        bias: Tensor,
        correction: Tensor,
        bias_step: float,
    ) -> None:
        """Start from the float ``weight`` (out, ...) that became ``quantized``, within
        :data:`FARTHEST_START` of that; ``correction`` (out,) is the part of ``bias`` (out,) that is
        for rounding."""
        super().__init__()
        self.register_buffer("start_scale", quantized.scale.detach().clone())
        self.register_buffer("start_bias", bias.detach().clone())
        self.register_buffer("correction", correction.detach().clone())
        self.bias_step = bias_step
        steps = weight.detach() / per_channel(self.start_scale, weight)
        integers = quantized.values.float()
        start = _near(integers, steps)
        self.register_buffer("remainder", steps - start)
        self.weight = nn.Parameter(start)
        self.bias = nn.Parameter(torch.zeros_like(bias))
        self.log_scale = nn.Parameter(torch.zeros_like(quantized.scale))

    def train_grid(self, trained: bool) -> None:
        """Whether the scales take part in training."""
        self.log_scale.requires_grad_(trained)

    def float_weight(self) -> Tensor:
        """The weight (out, ...) as it is not rounded."""
        return (self.weight + self.remainder) * per_channel(self.start_scale, self.weight)

    def float_bias(self) -> Tensor:
        """The bias (out,) without the correction for what rounding does."""
        return self.int8_bias() - self.correction

    def int8_bias(self) -> Tensor:
        """The bias (out,) while quantizing."""
        return self.start_bias + self.bias_step * self.bias

    def int8_weight(self, input_scale: float | None) -> Tensor:
        """The weight (out, ...) on its grids; ``input_scale`` is that of what the layer reads, if
        int8."""
        return round_weight(self.weight, self._growth(input_scale), self.start_scale)

    @torch.no_grad()
    def quantized(self, input_scale: float | None) -> QuantizedWeight:
        """The int8 weight that :meth:`int8_weight` has the values of."""
        growth = self._growth(input_scale)
        values = integer_weight(self.weight, growth).to(torch.int8)
        return QuantizedWeight(values, growth * self.start_scale)

    def _growth(self, input_scale: float | None) -> Tensor:
        """The scales (out,) over those at the start, never below the int32 bias's guard."""
        if input_scale is None:  # a float accumulator takes any bias
            return self.log_scale.exp()
        guard = smallest_scales(self.int8_bias().detach(), input_scale, self.start_scale)
        return torch.maximum(self.log_scale.exp(), guard / self.start_scale)


def _near(integers: Tensor, steps: Tensor) -> Tensor:
    """``steps``, moved to within :data:`FARTHEST_START` of ``integers``; what lies beyond the ends
    of the grid stays there, for its scale to reach."""
    low = torch.where(integers <= -WEIGHT_MAX, -math.inf, integers - FARTHEST_START)
    high = torch.where(integers >= WEIGHT_MAX, math.inf, integers + FARTHEST_START)
    return torch.minimum(torch.maximum(steps, low), high)
