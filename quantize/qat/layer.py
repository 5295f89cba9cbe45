"""A convolution's or linear layer's weight, bias and scales, trained."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from quantize.qat.rounding import integer_weight, per_channel, round_weight
from quantize.qparams import WEIGHT_MAX, QuantizedWeight
from quantize.weights import smallest_scales


class TrainedLayer(nn.Module):
    """The parameters of a layer, all without dimension, so that one rate fits every network:

    - ``weight`` (out, ...) in steps of the int8 grid it starts with: folded batch norms leave the
      channels of one layer up to a million times apart;
    - ``bias`` (out,) as what is added to the one it starts with, in steps of the output's grid;
    - ``log_scale`` (out,): the weight's scales are exp(log_scale) times those they start with.
    """

    start_scale: Tensor
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
        """Start from ``weight`` (out, ...), which is moved only where it would not round to
        ``quantized``; ``correction`` (out,) is the part of ``bias`` (out,) that is for rounding."""
        super().__init__()
        self.register_buffer("start_scale", quantized.scale.detach().clone())
        self.register_buffer("start_bias", bias.detach().clone())
        self.register_buffer("correction", correction.detach().clone())
        self.bias_step = bias_step
        steps = weight.detach() / per_channel(self.start_scale, weight)
        self.weight = nn.Parameter(_inside_cells(steps, quantized.values.float()))
        self.bias = nn.Parameter(torch.zeros_like(bias))
        self.log_scale = nn.Parameter(torch.zeros_like(quantized.scale))

    def train_grid(self, trained: bool) -> None:
        """Whether the scales take part in training."""
        self.log_scale.requires_grad_(trained)

    def float_weight(self) -> Tensor:
        """The weight (out, ...) as it is not rounded."""
        return self.weight * per_channel(self.start_scale, self.weight)

    def float_bias(self) -> Tensor:
        """The bias (out,) without the correction for what rounding does."""
        return self.int8_bias() - self.correction

    def int8_bias(self) -> Tensor:
        """The bias (out,) while quantizing."""
        return self.start_bias + self.bias_step * self.bias

    def int8_weight(self, input_scale: float | None) -> Tensor:
        """The weight on its grids; ``input_scale`` is that of what the layer reads, if int8."""
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


def _inside_cells(steps: Tensor, integers: Tensor) -> Tensor:
    """``steps``, just inside the cells of ``integers`` where they would not round to them.

    That is so where a weight was not rounded to the nearest.
    """
    edge = 0.499
    low = torch.where(integers <= -WEIGHT_MAX, -math.inf, integers - edge)
    high = torch.where(integers >= WEIGHT_MAX, math.inf, integers + edge)
    rounds_right = steps.round().clamp(-WEIGHT_MAX, WEIGHT_MAX) == integers
    return torch.where(rounds_right, steps, torch.minimum(torch.maximum(steps, low), high))
