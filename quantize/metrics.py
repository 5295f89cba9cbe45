"""How far int8 logits are from float ones."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def kl_divergence(reference: Tensor, other: Tensor) -> float:
    """Mean KL(softmax(reference) || softmax(other)) in nats over (N, classes) logits."""
    p = F.log_softmax(reference.double(), 1)
    q = F.log_softmax(other.double(), 1)
    return float((p.exp() * (p - q)).sum(1).mean())


def sqnr_db(reference: Tensor, other: Tensor) -> float:
    """Signal-to-quantization-noise ratio, 10 log10(sum(ref^2) / sum((ref - other)^2)), in dB."""
    signal = reference.double().square().sum()
    noise = (reference.double() - other.double()).square().sum()
    return float(10 * torch.log10(signal / noise.clamp_min(1e-30)))


def agreement(reference: Tensor, other: Tensor) -> float:
    """Part of the images, in [0, 1], on which both name the same class first."""
    return float((reference.argmax(1) == other.argmax(1)).double().mean())
