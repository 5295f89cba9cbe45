"""How far int8 logits are from float ones: the one place where two outputs are compared.

Three things are called so. *KL* is the arithmetic mean of the images' KL at temperature 1, what
results tell (``runtime_bench.accuracy``). The *geometric KL* is the geometric mean at temperature
1, by which layers are ranked (``quantize.analysis.sensitivity``). The *divergence* is the geometric
mean of the scaled KL at :data:`TEMPERATURE`, by which a step is kept or undone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from quantize.graph.interpret import batched_logits
from quantize.program import Program

#: Images whose divergence is below count as equal, or their ratio would be noise; nats.
SMALLEST_DIVERGENCE = 1e-6
#: What steps are judged at. The plain KL sees the one or two classes an image may be of, and its
#: ratio between two programs varies as much over 125 photos as a step gains; at 4 it sees many. On
#: MobileNetV3-Small and EfficientNet-Lite0 seven steps' gains, in standard errors, were 0.6 to 3.7
#: at 1, 2.0 to 5.3 at 2, 3.3 to 7.9 at 4, and as large at either on 500 other photos.
TEMPERATURE = 4.0


@dataclass(frozen=True)
class Judge:
    """Judges networks by float32 ``images`` (N, 3, H, W) and the float network's ``logits``
    (N, classes) on them, ``batch`` images at a time."""

    images: Tensor
    logits: Tensor
    batch: int

    @classmethod
    def of(cls, network: Callable[[Tensor], Tensor], images: Tensor, batch: int) -> Judge:
        """A judge by ``images``; ``network`` is in float."""
        return cls(images, batched_logits(network, images, batch), batch)

    def run(self, network: Callable[[Tensor], Tensor]) -> Tensor:
        """The logits (N, classes) of ``network`` on the judge's images."""
        return batched_logits(network, self.images, self.batch)

    def log_divergence(self, network: Callable[[Tensor], Tensor]) -> Tensor:
        """What decides: :func:`log_divergence` of each image, (N,)."""
        return log_divergence(self.logits, self.run(network))

    def divergence(self, program: Program) -> float:
        """The program's :func:`divergence`, nats."""
        return geometric_mean(self.log_divergence(program.module()))


def image_kl(reference: Tensor, other: Tensor, temperature: float = 1.0) -> Tensor:
    """T^2 KL(softmax(reference / T) || softmax(other / T)) in nats, (N,) float64, of logits
    (N, classes); the factor keeps its size (arXiv:1503.02531, section 2)."""
    p = F.log_softmax(reference.double() / temperature, 1)
    q = F.log_softmax(other.double() / temperature, 1)
    return temperature**2 * (p.exp() * (p - q)).sum(1)


def log_kl(reference: Tensor, other: Tensor, smallest: float, temperature: float = 1.0) -> Tensor:
    """Logarithm of :func:`image_kl`, of at least ``smallest`` nats, (N,) float64."""
    return image_kl(reference, other, temperature).clamp_min(smallest).log()


def log_divergence(reference: Tensor, other: Tensor) -> Tensor:
    """What steps are judged by: :func:`log_kl` at :data:`TEMPERATURE`, (N,) float64."""
    return log_kl(reference, other, SMALLEST_DIVERGENCE, TEMPERATURE)


def geometric_mean(logarithms: Tensor) -> float:
    """The geometric mean of what the values are the logarithms of."""
    return float(logarithms.mean().exp())


def divergence(reference: Tensor, other: Tensor) -> float:
    """Geometric mean of the images' KL at :data:`TEMPERATURE`, nats.

    The arithmetic mean is a few images' whose first two classes are close. On EfficientNet-Lite0
    it doubled with a correction that raised the logits' signal-to-noise by 3 dB; here each image's
    relative change counts alike.
    """
    return geometric_mean(log_divergence(reference, other))


def significantly_lower(before: Tensor, after: Tensor) -> bool:
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
