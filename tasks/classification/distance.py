"""How far logits are from others."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from tasks.base import LossSettings

#: What steps of quantization are judged at. The plain KL sees the one or two classes an image may
#: be of, and its ratio between two programs varies as much over 125 photos as a step gains; at 4 it
#: sees many. On MobileNetV3-Small and EfficientNet-Lite0 seven steps' gains, in standard errors,
#: were 0.6 to 3.7 at 1, 2.0 to 5.3 at 2, 3.3 to 7.9 at 4, and as large at either on 500 other
#: photos.
TEMPERATURE = 4.0


def image_kl(reference: Tensor, other: Tensor, temperature: float = 1.0) -> Tensor:
    """T^2 KL(softmax(reference / T) || softmax(other / T)) in nats, (N,) float64, of logits
    (N, classes); the factor keeps its size (arXiv:1503.02531, section 2)."""
    p = F.log_softmax(reference.double() / temperature, 1)
    q = F.log_softmax(other.double() / temperature, 1)
    return temperature**2 * (p.exp() * (p - q)).sum(1)


def training_loss(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor | None,
    settings: LossSettings,
) -> Tensor:
    """T^2 KL(teacher / T || student / T) in nats plus the weighted cross-entropy of the labels,
    int64 (N,); the mean over the batch."""
    temperature = settings.temperature
    loss = temperature**2 * F.kl_div(
        F.log_softmax(student / temperature, 1),
        F.log_softmax(teacher / temperature, 1),
        reduction="batchmean",
        log_target=True,
    )
    if settings.label_weight and labels is not None:
        loss = loss + settings.label_weight * F.cross_entropy(student, labels)
    return loss
