"""Small pictures of three classes, and the network that docs/segmentation.md shows for scenes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image

CLASSES = ("blue", "green", "red")
COLOURS = np.array([(30, 60, 200), (40, 190, 60), (200, 40, 50)], np.uint8)
ROOT = Path(__file__).parents[2]
SIDE, SCENE_SIDE = 32, 64
"""Pixels."""


def stripes(folder: Path, each: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Writes ``each`` pictures a class as PNG, a folder a class; returns them as float32
    (N, 3, 32, 32) of 0..255 and int64 (N)."""
    pictures, labels = [], []
    for index, (name, colour) in enumerate(zip(CLASSES, COLOURS, strict=True)):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            picture = np.tile(colour, (SIDE, SIDE, 1))
            picture[number :: number + 3] = 255 - 20 * number
            Image.fromarray(picture).save(folder / name / f"{number}.png")
            pictures.append(picture)
            labels.append(index)
    return _tensor(pictures), torch.tensor(labels)


def scenes(folder: Path, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Writes pictures of two coloured fields on a third as PNG with their masks; returns them as
    float32 (N, 3, 64, 64) of 0..255 and int64 (N, 64, 64)."""
    pictures, masks = [], []
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        mask = np.zeros((SCENE_SIDE, SCENE_SIDE), np.uint8)
        mask[4 * number : 4 * number + 24, :40] = 1
        mask[:, 44 + number :] = 2
        picture = COLOURS[mask]
        Image.fromarray(picture).save(folder / "images" / f"{number}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
        pictures.append(picture)
        masks.append(mask)
    return _tensor(pictures), torch.from_numpy(np.stack(masks)).long()


def street_module() -> str:
    """The module of docs/segmentation.md."""
    page = (ROOT / "docs/segmentation.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (found,) = (block for block in blocks if "class Street" in block)
    return found


def _tensor(pictures: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
