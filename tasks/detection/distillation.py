"""How far a detector's answers are from another's whose choices it followed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_LEAST = 1e-6  # a probability that a logarithm is taken of, and pixels that are divided by


def answers_loss(student: Mapping[str, Tensor], teacher: Mapping[str, Tensor]) -> Tensor:
    """The mean over N images of what their detections differ by, a scalar with gradients.

    Both hold the same D objects in the same places: ``boxes`` (N, D, 4) in pixels, ``scores``
    (N, D) and maybe ``masks`` (N, D, S, S), probabilities. A detection differs by the divergence of
    its score, and, as far as the teacher is sure of it, by its edges, in parts of the box's size,
    and by the mean divergence of its mask's pixels.
    """
    scores, boxes = teacher["scores"], teacher["boxes"]
    there = scores > 0
    differ = _divergence(student["scores"], scores)
    size = (boxes[..., 2:] - boxes[..., :2]).clamp_min(_LEAST).prod(-1).sqrt()
    edges = (student["boxes"] - boxes).abs().mean(-1) / size.clamp_min(1.0)
    differ = differ + scores * edges
    if "masks" in teacher:
        masks = _divergence(student["masks"], teacher["masks"]).mean((-2, -1))
        differ = differ + scores * masks
    return torch.where(there, differ, 0.0).sum(1).mean()


def _divergence(found: Tensor, wanted: Tensor) -> Tensor:
    """Kullback and Leibler's, of the probability ``found`` from ``wanted``, in nats."""
    found, wanted = (value.clamp(_LEAST, 1 - _LEAST) for value in (found, wanted))
    yes = wanted * (wanted / found).log()
    return yes + (1 - wanted) * ((1 - wanted) / (1 - found)).log()
