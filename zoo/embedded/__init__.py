"""The embedded default: Fashion-MNIST images (MIT, see LICENSE.fashion-mnist) and weights.

``fbnetv2_f1.fashion_mnist.safetensors`` holds float16 weights written by ``zoo.train_default``,
``fbnetv2_f1_lraspp.fashion_scenes.safetensors`` those by ``zoo.train_segmenter``,
``fbnetv2_f1_mask_rcnn.fashion_scenes.safetensors`` those by ``tasks.train_detector``;
``fashion-mnist*.npz`` are written by ``python -m zoo.pack_default``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.input_spec import InputSpec

ARCHITECTURE = "FBNetV2_F1"
WEIGHTS_FILE = "fbnetv2_f1.fashion_mnist.safetensors"
SEGMENTER_WEIGHTS_FILE = "fbnetv2_f1_lraspp.fashion_scenes.safetensors"
DETECTOR_WEIGHTS_FILE = "fbnetv2_f1_mask_rcnn.fashion_scenes.safetensors"
# Mean and deviation of Fashion-MNIST's training pixels (zoo/train_default.py).
INPUT_SPEC = InputSpec(64, 64, mean=(0.2860,) * 3, std=(0.3530,) * 3, crop_pct=1.0)
LABELS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@dataclass(frozen=True)
class Images:
    """Grey images uint8 (N, 28, 28), class indices uint8 (N,), and the ten class names."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    names: tuple[str, ...] = LABELS


@cache
def read_images(name: str) -> Images:
    """The 10,000 test images (``fashion-mnist``) or 512 training images for calibration."""
    with np.load(embedded_file(f"{name}.npz"), allow_pickle=False) as stored:
        return Images(stored["images"], stored["labels"])


def embedded_file(name: str) -> Path:
    """Path of a file beside this module (wheels are installed unpacked)."""
    return Path(str(resources.files("zoo.embedded") / name))
