"""The scenes that the embedded networks are trained on, and those that watch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo.idx import read_idx
from zoo.pack_default import CALIBRATION_IMAGES, SEED, choose_calibration
from zoo.scenes import Pictures, SceneSplit
from zoo.train_default import VALIDATION

TRAINING_SEED, WATCHED_SEED = 3, 4  # 1 and 2 are the embedded splits'


def training_scenes(data: Path, *, least_items: int, watched: int) -> tuple[SceneSplit, SceneSplit]:
    """Scenes to train on and as many as are ``watched``, of pictures apart.

    Args:
        data: the folder of Fashion-MNIST's files.
        least_items: in a scene to train on, where there is room.
        watched: how many.
    """
    images = read_idx(data / "train-images-idx3-ubyte.gz").numpy()
    labels = read_idx(data / "train-labels-idx1-ubyte.gz").numpy()
    kept = np.ones(len(images), bool)
    kept[-VALIDATION:] = False
    kept[choose_calibration(labels[:-VALIDATION], CALIBRATION_IMAGES, SEED)] = False
    others = Pictures(images[-VALIDATION:], labels[-VALIDATION:])
    return (
        SceneSplit(
            "training", Pictures(images[kept], labels[kept]), TRAINING_SEED, 2**31, least_items
        ),
        SceneSplit("watched", others, WATCHED_SEED, watched),
    )
