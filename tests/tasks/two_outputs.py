"""A network of two outputs, named against the alphabet, and a task for it, to prove the seam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.base import Evaluation, LossSettings, Outputs, PerImage
from tasks.metric import Metric
from zoo.input_spec import InputSpec
from zoo.networks import Network, Weights
from zoo.outputs import Interface, OutputSpec, TaskName

if TYPE_CHECKING:
    from zoo.preprocess import Frame

SPEC = InputSpec(32, 32, (0.5,) * 3, (0.5,) * 3, 1.0)
INTERFACE = Interface(
    "segmentation",
    (
        OutputSpec("scores", (1, 5), "logits of five classes", "head.scores"),
        OutputSpec("mask", (1, 2, 8, 8), "logits of two classes a pixel", "out"),
    ),
)


class TwoOutputs(nn.Module):
    """Returns more than its outputs, in another order, nested."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.Hardswish()
        )
        self.mask = nn.Conv2d(16, 2, 1)
        self.scores = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> dict[str, Any]:
        features = self.stem(x)
        return {
            "aux": features,
            "out": self.mask(features),
            "head": {"scores": self.scores(features.mean((2, 3))), "count": 5},
        }


def two_outputs() -> Network:
    torch.manual_seed(0)
    labels = tuple(str(index) for index in range(5))
    weights = Weights("random", seed=0)
    module = TwoOutputs().eval()
    return Network("two", module, SPEC, labels, 5, "user", weights, interface=INTERFACE)


@dataclass(frozen=True)
class Answer:
    """``pixels`` uint8 (8, 8) of one image, and the class of all of it."""

    pixels: NDArray[np.uint8]
    label: int


class TwoOutputsTask:
    """See :class:`tasks.base.Task`; a prediction is a target, too."""

    name: TaskName = "segmentation"
    metrics = (
        Metric("pixels", "pixels", "percent", 0.01, "mean"),
        Metric("pixel_agreement", "pixel agreement", "percent", 0.01, "mean", "reference"),
    )

    def decode(self, outputs: Outputs, frames: Sequence[Frame] | None = None) -> list[Answer]:
        mask, scores = outputs["mask"].argmax(1).astype(np.uint8), outputs["scores"].argmax(1)
        return [Answer(pixels, int(label)) for pixels, label in zip(mask, scores, strict=True)]

    def labelled(self, targets: Sequence[Answer | None]) -> bool:
        return bool(targets) and None not in targets

    def score(
        self, predictions: Sequence[Answer], targets: Sequence[Answer], metrics: Sequence[Metric]
    ) -> dict[str, Evaluation]:
        alike = [
            float((p.pixels == t.pixels).mean()) for p, t in zip(predictions, targets, strict=True)
        ]
        return {metric.name: PerImage(np.array(alike)) for metric in metrics}

    keeps_outputs = False
    follows = False

    def evaluation(self, metric: Metric, parts: NDArray[np.float64]) -> Evaluation:
        return PerImage(parts[:, 0])

    def as_targets(self, predictions: Sequence[Answer]) -> list[Answer]:
        return list(predictions)

    def aligned(self, reference: Outputs, other: Outputs) -> Outputs:
        return other

    def divergence(self, reference: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Tensor:
        return torch.stack(
            [
                (reference[name].double() - other[name].double()).square().flatten(1).mean(1)
                for name in ("mask", "scores")
            ]
        ).sum(0)

    distance = divergence

    def training_loss(
        self,
        student: Mapping[str, Tensor],
        teacher: Mapping[str, Tensor],
        targets: Tensor | None,
        settings: LossSettings,
    ) -> Tensor:
        errors = [(student[n] - teacher[n]).square().mean() for n in ("mask", "scores")]
        return torch.stack(errors).sum()

    def pack(self, predictions: Sequence[Answer]) -> dict[str, NDArray[Any]]:
        return {
            "pixels": np.stack([p.pixels for p in predictions]),
            "label": np.array([p.label for p in predictions], np.int32),
        }

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> list[Answer]:
        pairs = zip(arrays["pixels"], arrays["label"], strict=True)
        return [Answer(pixels, int(label)) for pixels, label in pairs]
