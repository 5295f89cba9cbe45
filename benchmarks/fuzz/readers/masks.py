"""Masks of every kind, and what says which classes their ids are."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.fuzz.reader import Reader
from zoo.datasets.mask_files import voc_palette
from zoo.datasets.masks import CLASS_MAP, PANOPTIC, open_masks

LABELS = ("background", "cat", "dog", "sheep")
IDS = np.random.default_rng(0).integers(0, 4, (6, 8)).astype(np.uint8)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _with_image(contents: Callable[[Path], list[bytes]]) -> Callable[[Path], list[bytes]]:
    def made(folder: Path) -> list[bytes]:
        for part in ("images", "masks"):
            (folder / part).mkdir(exist_ok=True)
        Image.new("RGB", (8, 6)).save(folder / "images" / "a.jpg")
        return contents(folder)

    return made


def _masks(_: Path) -> list[bytes]:
    palette = Image.fromarray(IDS, mode="P")
    palette.putpalette(voc_palette().ravel().tolist())
    pictures = [
        Image.fromarray(IDS),
        Image.fromarray(IDS.astype(np.uint16)),
        palette,
        Image.fromarray(voc_palette()[IDS]),
    ]
    return [_png(picture) for picture in pictures]


def _class_map(folder: Path) -> list[bytes]:
    (folder / "masks" / "a.png").write_bytes(_png(Image.fromarray(IDS)))
    maps = [{"0": None, "1": "cat", "2": "Dog", "3": 3}, {"0": 0, "1": 1, "2": 2, "3": "unlabeled"}]
    return [json.dumps(each).encode() for each in maps]


def _panoptic(folder: Path) -> list[bytes]:
    colours = np.stack([IDS, np.zeros_like(IDS), np.zeros_like(IDS)], axis=2)
    (folder / "masks" / "a.png").write_bytes(_png(Image.fromarray(colours)))
    segments = [{"id": number, "category_id": 10 + number} for number in (1, 2, 3)]
    document = {
        "categories": [{"id": 10 + place, "name": name} for place, name in enumerate(LABELS)],
        "annotations": [{"file_name": "a.png", "segments_info": segments}],
    }
    return [json.dumps(document).encode()]


def _read_beside(path: Path) -> None:
    list(open_masks(path.parent, num_classes=len(LABELS), network_labels=LABELS))


def _read_mask(path: Path) -> None:
    _read_beside(path.parent)


READERS = (
    Reader("mask.png", _with_image(_masks), "masks/a.png", _read_mask),
    Reader(CLASS_MAP, _with_image(_class_map), CLASS_MAP, _read_beside),
    Reader(PANOPTIC, _with_image(_panoptic), PANOPTIC, _read_beside),
)
