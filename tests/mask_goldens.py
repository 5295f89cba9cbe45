"""Goldens of masks for the apps: logits of every resolution and kind of rounding, and real models'.

``write_mask_goldens`` makes demo bundles whose models are named only: their logits are made up.
``trial_segmenter`` is an output folder with models of a small network that nobody trained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fbdeploy.apps.demo_bundle import write_bundle
from tests.made_up_bundles import SIZES, cards, write_made_up
from tests.trial_output import made_once, write_output
from zoo.input_spec import InputSpec
from zoo.networks import Network, Weights
from zoo.outputs import PIXEL_LOGITS

Round = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class MadeUp:
    """Logits (classes, height, width) for an input, rounded as ``rounded`` does."""

    spec: InputSpec
    shape: tuple[int, int, int]
    rounded: Round = np.asarray


def _grid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of int8: so coarse that many logits are equal."""
    return (np.round(values * 2) / 2).astype(np.float32)


SQUARE = InputSpec(height=96, width=96, crop_pct=1.0)
MADE_UP = {
    "mask-border": MadeUp(replace(SQUARE, height=64, crop_mode="border"), (21, 9, 13)),
    "mask-center": MadeUp(replace(SQUARE, crop_pct=0.875), (5, 12, 12), _grid),
    "mask-letterbox": MadeUp(replace(SQUARE, width=70, crop_mode="letterbox"), (3, 7, 1)),
    "mask-whole": MadeUp(replace(SQUARE, crop_mode="squash"), (4, 96, 96), _grid),
}
"""By name: fewer logits than pixels in every ratio, one column of them, as many as pixels."""


def write_mask_goldens(folder: Path) -> list[Path]:
    """A bundle for each of ``MADE_UP`` below ``folder``, in their order."""
    return [_write(folder / name, name, made_up) for name, made_up in MADE_UP.items()]


def _write(bundle: Path, name: str, made_up: MadeUp) -> Path:
    spec, (classes, _, _) = made_up.spec, made_up.shape
    logits = {"logits": _logits(made_up, len(SIZES))}
    return write_made_up(bundle, name, "segmentation", spec, classes, logits)


def _logits(made_up: MadeUp, images: int) -> NDArray[np.float32]:
    """Smooth ones, as a network's are: neighbours are mostly of one class."""
    noise = np.random.default_rng(0).normal(0, 6, (images, *made_up.shape)).astype(np.float32)
    kernel = [3 if side > 2 else 1 for side in made_up.shape[1:]]
    smooth = functional.avg_pool2d(
        torch.from_numpy(noise), kernel, 1, [side // 2 for side in kernel], count_include_pad=False
    )
    return made_up.rounded(smooth.numpy())


class TinySegmenter(nn.Module):
    """Logits (N, 6, H / 4, W / 4) of pictures, untrained."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1), nn.Hardswish(), nn.Conv2d(16, 24, 3, 2, 1), nn.ReLU()
        )
        self.head = nn.Conv2d(24, 6, 1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.trunk(x))
        return logits


@cache
def trial_segmenter() -> Path:
    """A folder with manifest.json, a float and an int8 ONNX file, and demo_bundle."""
    return made_once("segmenter", _make, (Path(__file__),))


def _make(folder: Path) -> None:
    torch.manual_seed(5)
    module = TinySegmenter().eval()
    with torch.no_grad():
        # Classes differ by more than their biases.
        module.head.weight *= 8
    spec = InputSpec(48, 80, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.0, crop_mode="border")
    labels = ("background", *"abcde")
    network = Network(
        "tiny-segmenter",
        module,
        spec,
        labels,
        len(labels),
        "user",
        Weights("random", seed=5),
        interface=PIXEL_LOGITS,
    )
    write_output(network, (("onnx", "fp32"), ("onnx", "int8")), folder)
    write_bundle(folder, cards())
