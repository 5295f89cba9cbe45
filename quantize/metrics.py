"""How far int8 logits are from float ones."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: Images on which both say practically the same count as equal, or their ratio would be noise.
SMALLEST_KL = 1e-6


def image_kl(reference: Tensor, other: Tensor) -> Tensor:
    """KL(softmax(reference) || softmax(other)) in nats, (N,) float64, of (N, classes) logits."""
    p = F.log_softmax(reference.double(), 1)
    q = F.log_softmax(other.double(), 1)
    return (p.exp() * (p - q)).sum(1)


def kl_divergence(reference: Tensor, other: Tensor) -> float:
    """Mean of :func:`image_kl`, nats."""
    return float(image_kl(reference, other).mean())


def log_kl(reference: Tensor, other: Tensor, smallest: float = SMALLEST_KL) -> Tensor:
    """Logarithm of :func:`image_kl`, of at least ``smallest`` nats, (N,) float64."""
    return image_kl(reference, other).clamp_min(smallest).log()


def typical_kl(reference: Tensor, other: Tensor) -> float:
    """Geometric mean of :func:`image_kl`, nats: what corrections are judged by.

    The arithmetic mean is a few images' whose first two classes are close. On EfficientNet-Lite0
    it doubled with a correction that raised the logits' signal-to-noise by 3 dB; here each image's
    relative change counts alike.
    """
    return float(log_kl(reference, other).mean().exp())


def falls(before: Tensor, after: Tensor) -> bool:
    """Whether ``after`` is below ``before``, (N,) each of the same images, beyond chance.

    By more than twice the standard error of the mean difference, so that of many trials the ones
    without effect are not kept for a lucky sample.
    """
    difference = (after - before).double()
    if len(difference) < 2:
        return bool(difference.sum() < 0)
    error = difference.std() / len(difference) ** 0.5
    return bool(difference.mean() < -2 * error)


def sqnr_db(reference: Tensor, other: Tensor) -> float:
    """Signal-to-quantization-noise ratio, 10 log10(sum(ref^2) / sum((ref - other)^2)), in dB."""
    signal = reference.double().square().sum()
    noise = (reference.double() - other.double()).square().sum()
    return float(10 * torch.log10(signal / noise.clamp_min(1e-30)))


def agreement(reference: Tensor, other: Tensor) -> float:
    """Part of the images, in [0, 1], on which both name the same class first."""
    return float((reference.argmax(1) == other.argmax(1)).double().mean())
