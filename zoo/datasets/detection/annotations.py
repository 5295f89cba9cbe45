"""What readers of detection data give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from zoo.errors import InputError, shown
from zoo.files import inner_name, is_file
from zoo.images import read_image

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


@dataclass(frozen=True)
class RunLengths:
    """A mask as COCO stores it: lengths of runs of 0 and 1 in turn, down the columns."""

    height: int
    width: int
    counts: tuple[int, ...]


Polygon = tuple[float, ...]
"""x and y in turn, in pixels."""
Mask = tuple[Polygon, ...] | RunLengths


@dataclass(frozen=True)
class Instance:
    """One object of a picture.

    ``label`` is its class index. ``crowd`` marks a group that detections may match any number of
    times and need not match at all, or an object too hard to count. ``area`` in pixels, of the mask
    where there is one, else of the box, decides whether an object is small.
    """

    box: Box
    label: int
    area: float
    mask: Mask | None = None
    crowd: bool = False


@dataclass(frozen=True)
class AnnotatedPicture:
    """A picture's file and what is on it; ``width`` and ``height`` are upright."""

    path: Path
    name: str
    width: int
    height: int
    instances: tuple[Instance, ...]

    def read(self) -> Image.Image:
        """The picture, upright, as RGB; raises as ``read_image`` does."""
        return read_image(self.path)


@dataclass(frozen=True)
class DetectionSet:
    """Pictures with their objects; ``labels`` are the class names by index."""

    name: str
    pictures: tuple[AnnotatedPicture, ...]
    labels: tuple[str, ...]

    @property
    def has_masks(self) -> bool:
        """Whether every object has a mask, and there is one at all."""
        masks = [instance.mask for picture in self.pictures for instance in picture.instances]
        return bool(masks) and all(mask is not None for mask in masks)


def box_area(box: Box) -> float:
    """Of a box, in pixels."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def picture_file(document: Path, key: str, name: str, folders: Sequence[Path]) -> Path:
    """The picture ``name``, which ``document`` names under ``key``, in the first folder that has
    it.

    Raises:
        InputError: it is in none of the folders, or would be outside them.
    """
    try:
        inner_name(name)
    except InputError as error:
        raise InputError(
            f"{document}: {key} {error}; put the pictures into {folders[0]}/"
        ) from error
    for folder in folders:
        if is_file(folder / name):
            return folder / name
    places = ", ".join(dict.fromkeys(f"{folder}/" for folder in folders))
    raise InputError(f"{document}: names {shown(name)}, which is in none of {places}")
