"""How far int8 logits are from float ones."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: Images on which both say practically the same count as equal, or their ratio would be noise.
SMALLEST_KL = 1e-6
#: What steps are judged at. The plain KL sees the one or two classes an image may be of, and its
#: ratio between two programs varies as much over 125 photos as a step gains; at 4 it sees many. On
#: MobileNetV3-Small and EfficientNet-Lite0 seven steps' gains, in standard errors, were 0.6 to 3.7
#: at 1, 2.0 to 5.3 at 2, 3.3 to 7.9 at 4, and as large at either on 500 other photos.
JUDGING_TEMPERATURE = 4.0


def image_kl(reference: Tensor, other: Tensor, temperature: float = 1.0) -> Tensor:
    """T^2 KL(softmax(reference / T) || softmax(other / T)) in nats, (N,) float64, of logits
    (N, classes); the factor keeps its size (arXiv:1503.02531, section 2)."""
    p = F.log_softmax(reference.double() / temperature, 1)
    q = F.log_softmax(other.double() / temperature, 1)
    return temperature**2 * (p.exp() * (p - q)).sum(1)


def kl_divergence(reference: Tensor, other: Tensor) -> float:
    """Mean of :func:`image_kl`, nats."""
    return float(image_kl(reference, other).mean())


def log_kl(
    reference: Tensor, other: Tensor, smallest: float = SMALLEST_KL, temperature: float = 1.0
) -> Tensor:
    """Logarithm of :func:`image_kl`, of at least ``smallest`` nats, (N,) float64."""
    return image_kl(reference, other, temperature).clamp_min(smallest).log()


def judged_log_kl(reference: Tensor, other: Tensor) -> Tensor:
    """What steps are judged by: :func:`log_kl` at :data:`JUDGING_TEMPERATURE`, (N,) float64."""
    return log_kl(reference, other, temperature=JUDGING_TEMPERATURE)


def typical(log_kl: Tensor) -> float:
    """The geometric mean of what :func:`log_kl` has the logarithms of, nats."""
    return float(log_kl.mean().exp())


def judged_kl(reference: Tensor, other: Tensor) -> float:
    """Geometric mean of the images' KL at :data:`JUDGING_TEMPERATURE`, nats.

    The arithmetic mean is a few images' whose first two classes are close. On EfficientNet-Lite0
    it doubled with a correction that raised the logits' signal-to-noise by 3 dB; here each image's
    relative change counts alike.
    """
    return typical(judged_log_kl(reference, other))


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
