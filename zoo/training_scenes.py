"""What the trainings on scenes share: the scenes themselves, those that watch, the schedule and its
command line."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from zoo.idx import read_idx
from zoo.input_spec import InputSpec
from zoo.pack_default import CALIBRATION_IMAGES, SEED, choose_calibration
from zoo.scenes import Pictures, Scene, SceneSplit
from zoo.train_default import VALIDATION

TRAINING_SEED, WATCHED_SEED = 3, 4  # 1 and 2 are the embedded splits'


@dataclass(frozen=True)
class SceneSchedule:
    """The rate of learning rises for ``warmup`` steps and falls linearly in the last ``decay``.

    ``save_every`` is also how often the ``watched`` scenes are scored; ``scored`` are at the end.
    Scenes are those from ``first_scene`` on, so that a run that goes on from another's weights sees
    none again, and have ``least_items`` where there is room.
    """

    steps: int
    warmup: int
    decay: int
    batch: int = 16
    peak_lr: float = 1.5e-3
    weight_decay: float = 0.02
    ema_decay: float = 0.995
    save_every: int = 200
    seed: int = 2026
    least_items: int = 1
    first_scene: int = 0
    watched: int = 300
    scored: int = 2000


AnySchedule = TypeVar("AnySchedule", bound=SceneSchedule)


def learning_rate(step: int, schedule: SceneSchedule) -> float:
    """The rate of a step, numbered from 0."""
    rise = (step + 1) / schedule.warmup
    fall = (schedule.steps - step) / schedule.decay
    return schedule.peak_lr * min(1.0, rise, fall)


def to_input(scenes: Sequence[Scene], spec: InputSpec) -> Tensor:
    """Input float32 (N, 3, H, W), channels last."""
    pixels = torch.from_numpy(np.stack([scene.pixels for scene in scenes]))
    mean, std = torch.tensor(spec.mean), torch.tensor(spec.std)
    return ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2)


def parse(
    parser: argparse.ArgumentParser, kind: type[AnySchedule]
) -> tuple[argparse.Namespace, AnySchedule]:
    """The command line of a training, and the schedule in it; torch is made ready as it says."""
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--weights", type=Path, help="go on from these")
    fields = dataclasses.fields(kind)
    for field in fields:
        name = f"--{field.name.replace('_', '-')}"
        parser.add_argument(name, type=type(field.default), default=field.default)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(True)
    return arguments, kind(**{field.name: getattr(arguments, field.name) for field in fields})


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
