"""What quantization-aware training minimizes: the distance from the float network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from quantize.graph.operators import carries, integer_operators
from quantize.graph.passes.surgery import shape_of
from quantize.graph.plan import fused_clamp
from quantize.program import Program
from quantize.recipe import Training
from tasks.base import LossSettings, Task


@dataclass(frozen=True)
class Watched:
    """A network's outputs, and feature maps (N, C, H, W) by the name of their node."""

    outputs: dict[str, Tensor]
    features: dict[str, Tensor]


def training_loss(
    task: Task, student: Watched, teacher: Watched, targets: Tensor | None, settings: Training
) -> Tensor:
    """The task's own loss + weighted feature error, the mean over the batch.

    The feature error is the mean, over the features, of each one's squared error over its mean
    square.
    """
    loss = task.training_loss(
        student.outputs,
        teacher.outputs,
        targets,
        LossSettings(settings.temperature, settings.label_weight),
    )
    if settings.feature_weight and student.features:
        errors = [
            F.mse_loss(value, teacher.features[name])
            / teacher.features[name].square().mean().clamp_min(1e-12)
            for name, value in student.features.items()
        ]
        loss = loss + settings.feature_weight * torch.stack(errors).mean()
    return loss


def feature_points(program: Program) -> tuple[str, ...]:
    """Nodes to compare features at: of each resolution, the last of the narrowest values that the
    network computes with.

    Those are the outputs of the blocks at the end of a stage; maps of one pixel and the input are
    left out, and so is what never runs in integers, as coordinates do not.
    """
    integer = integer_operators(program.graph)
    best: dict[tuple[int, int], tuple[int, str]] = {}
    for node in program.graph.graph.nodes:
        fused = fused_clamp(node) is not None
        if node not in integer or node.op == "placeholder" or carries(node) or fused:
            continue
        shape = shape_of(node)
        if len(shape) != 4 or tuple(shape[2:]) == (1, 1):
            continue
        size, channels = (int(shape[2]), int(shape[3])), int(shape[1])
        if size not in best or channels <= best[size][0]:
            best[size] = (channels, node.name)
    return tuple(name for _, name in best.values())
