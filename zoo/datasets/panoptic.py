"""COCO's panoptic annotations: which category each segment of a mask is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from zoo.datasets.mask_classes import IGNORE, match_classes
from zoo.documents import read_json, validated
from zoo.errors import InputError, shown

ADVICE = "give the panoptic JSON that belongs to the masks"
UNLABELLED_ID = 0
"""Of pixels of no segment (cocodataset.org, data format, panoptic segmentation)."""


class _Category(BaseModel):
    id: int
    name: str


class _Segment(BaseModel):
    id: int
    category_id: int


class _Annotation(BaseModel):
    file_name: str
    segments_info: list[_Segment]


class _Document(BaseModel):
    categories: list[_Category]
    annotations: list[_Annotation]


@dataclass(frozen=True)
class Panoptic:
    """The class of each category by its id, and the category of each segment by mask."""

    path: Path
    classes: Mapping[int, int]
    segments: Mapping[str, Mapping[int, int]]

    def table(self, mask: str) -> dict[int, int]:
        """The class of each id in the mask with that file name, IGNORE for unlabelled pixels.

        Raises:
            InputError: the annotations have no such mask.
        """
        if mask not in self.segments:
            raise InputError(f"{self.path}: has no annotation for the mask {shown(mask)}; {ADVICE}")
        found = {number: self.classes[kind] for number, kind in self.segments[mask].items()}
        return {UNLABELLED_ID: IGNORE, **found}


def read_panoptic(path: Path, num_classes: int | None, network_labels: tuple[str, ...]) -> Panoptic:
    """COCO's panoptic JSON; categories are matched as the names of a class map.

    Raises:
        InputError: it cannot be read, is of another form, or has a category that is no class of the
            network.
    """
    document = validated(_Document, read_json(path, ADVICE), str(path), ADVICE)
    names = {category.id: category.name for category in document.categories}
    segments = {
        annotation.file_name: {part.id: part.category_id for part in annotation.segments_info}
        for annotation in document.annotations
    }
    strange = {kind for parts in segments.values() for kind in parts.values()} - names.keys()
    if strange:
        raise InputError(
            f"{path}: has segments of the category {min(strange)}, which it does not list; {ADVICE}"
        )
    return Panoptic(path, match_classes(str(path), names, num_classes, network_labels), segments)
