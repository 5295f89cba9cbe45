"""How far the logits of pixels are from others."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from tasks.base import LossSettings
from zoo.datasets.mask_classes import IGNORE


def pixel_kl(reference: Tensor, other: Tensor) -> Tensor:
    """KL(softmax(reference) || softmax(other)) in nats, the mean over the pixels of each image,
    (N,) float64, of logits (N, classes, h, w).

    At temperature 1: unlike one answer for a whole image, thousands of pixels are of many classes,
    and on the borders between them of two at once.
    """
    return torch.stack(list(_image_kls(reference, other)))


def _image_kls(reference: Tensor, other: Tensor) -> Iterator[Tensor]:
    # One by one: logits at full resolution fill the memory in double precision.
    for theirs, ours in zip(reference, other, strict=True):
        p, q = F.log_softmax(theirs.double(), 0), F.log_softmax(ours.double(), 0)
        yield (p.exp() * (p - q)).sum(0).mean()


def training_loss(
    student: Tensor,
    teacher: Tensor,
    classes: Tensor | None,
    settings: LossSettings,
) -> Tensor:
    """T^2 KL(teacher / T || student / T) in nats, the mean over all pixels, plus the weighted
    cross-entropy of ``classes``.

    Args:
        student: logits (N, classes, h, w).
        teacher: of the same shape.
        classes: integers (N, H, W), IGNORE where pixels do not count; logits are resized to them.
        settings: T, and how much the cross-entropy counts.
    """
    temperature = settings.temperature
    divergence = F.kl_div(
        F.log_softmax(student / temperature, 1),
        F.log_softmax(teacher / temperature, 1),
        reduction="none",
        log_target=True,
    )
    loss = temperature**2 * divergence.sum(1).mean()
    if settings.label_weight and classes is not None and bool((classes != IGNORE).any()):
        size = (classes.shape[1], classes.shape[2])
        resized = F.interpolate(student, size=size, mode="bilinear", align_corners=False)
        loss = loss + settings.label_weight * F.cross_entropy(
            resized, classes.long(), ignore_index=IGNORE
        )
    return loss
