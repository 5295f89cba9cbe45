"""Reads COCO's JSON: boxes, polygons, run lengths and crowds (cocodataset.org, "Data format")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from zoo.datasets.detection.annotations import (
    AnnotatedPicture,
    Box,
    DetectionSet,
    Instance,
    Mask,
    RunLengths,
    box_area,
    picture_file,
)
from zoo.datasets.detection.run_lengths import parse_counts
from zoo.datasets.detection.upright import read_stored
from zoo.documents import Count, read_json, validated
from zoo.errors import InputError, shown
from zoo.images import MOST_PIXELS

ADVICE = "give a COCO file with images, annotations and categories"
IMAGES = "images"
"""The folder beside the JSON file in which pictures are looked for, then beside the file."""

_Number = Annotated[float, Field(allow_inf_nan=False)]
_Side = Annotated[int, Field(ge=1, le=MOST_PIXELS)]


class _Image(BaseModel):
    id: int | str
    file_name: str
    width: _Side
    height: _Side


class _Runs(BaseModel):
    size: Annotated[list[Count], Field(min_length=2, max_length=2)]
    counts: str | list[Count]


class _Annotation(BaseModel):
    image_id: int | str
    category_id: int
    bbox: Annotated[list[_Number], Field(min_length=4, max_length=4)]
    segmentation: list[list[_Number]] | _Runs | None = None
    area: Annotated[_Number, Field(ge=0)] | None = None
    iscrowd: bool = False


class _Category(BaseModel):
    id: int
    name: str


class _Coco(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def read_coco(path: Path, *, masks: bool = True) -> DetectionSet:
    """The pictures and objects of a COCO file; pictures without objects count too.

    Categories become classes in the order of their ids. Objects without area are left out, as
    COCO's tools do.

    Args:
        path: the JSON file; pictures are looked for in ``images/`` beside it, then beside it.
        masks: whether to read segmentations.

    Raises:
        InputError: it is no COCO file, refers to what it does not hold, names a picture that is
            missing or outside the folder, or a picture has another size than it says.
    """
    coco = validated(_Coco, _known_parts(read_json(path, ADVICE)), str(path), ADVICE)
    classes = _classes(path, coco.categories)
    by_image: dict[int | str, list[_Annotation]] = defaultdict(list)
    for annotation in coco.annotations:
        by_image[annotation.image_id].append(annotation)
    known = [image.id for image in coco.images]
    if not known:
        raise InputError(f"{path}: lists no images; {ADVICE}")
    _refuse_twice(path, "image id", known)
    strangers = by_image.keys() - set(known)
    if strangers:
        raise InputError(
            f"{path}: has annotations of image id {shown(min(strangers, key=str))}, which it does "
            "not list"
        )
    pictures = [
        _picture(path, image, by_image.get(image.id, []), classes, masks) for image in coco.images
    ]
    labels = tuple(
        category.name for category in sorted(coco.categories, key=lambda category: category.id)
    )
    return DetectionSet(str(path), tuple(pictures), labels)


def _known_parts(value: Any) -> Any:
    """Without what is not read (info, licenses), which people write in any form."""
    if not isinstance(value, Mapping):
        return value
    return {key: value[key] for key in ("images", "annotations", "categories") if key in value}


def _classes(path: Path, categories: Sequence[_Category]) -> dict[int, int]:
    ids = sorted(category.id for category in categories)
    if not ids:
        raise InputError(f"{path}: lists no categories; {ADVICE}")
    _refuse_twice(path, "category id", ids)
    return {number: index for index, number in enumerate(ids)}


def _refuse_twice(path: Path, what: str, ids: Sequence[int | str]) -> None:
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise InputError(f"{path}: lists {what} {shown(twice)} twice; {ADVICE}")


def _picture(
    path: Path,
    image: _Image,
    annotations: Sequence[_Annotation],
    classes: Mapping[int, int],
    masks: bool,
) -> AnnotatedPicture:
    folders = (path.parent / IMAGES, path.parent)
    file = picture_file(path, "file_name", image.file_name, folders)
    stored = read_stored(file)
    turned = stored.is_annotated_as_stored(image.width, image.height)
    if not turned and (image.width, image.height) != stored.upright:
        has = "x".join(map(str, stored.upright))
        raise InputError(
            f"{path}: says that {shown(image.file_name)} has {image.width}x{image.height} pixels, "
            f"the file has {has}; its boxes would be wrong"
        )
    instances = []
    for annotation in annotations:
        if annotation.category_id not in classes:
            raise InputError(
                f"{path}: has an annotation of category id {annotation.category_id}, which it does "
                "not list"
            )
        left, top, width, height = annotation.bbox
        box = (left, top, left + width, top + height)
        if width <= 0 or height <= 0:
            continue
        instance = Instance(
            box=box,
            label=classes[annotation.category_id],
            area=box_area(box) if annotation.area is None else annotation.area,
            mask=_mask(path, annotation, image, box) if masks else None,
            crowd=annotation.iscrowd,
        )
        instances.append(stored.turn_instance(instance) if turned else instance)
    return AnnotatedPicture(file, image.file_name, *stored.upright, tuple(instances))


def _mask(path: Path, annotation: _Annotation, image: _Image, box: Box) -> Mask | None:
    segmentation = annotation.segmentation
    if segmentation is None or segmentation == []:
        return None
    if isinstance(segmentation, list):
        for polygon in segmentation:
            if len(polygon) < 6 or len(polygon) % 2:
                raise InputError(
                    f"{path}: has a polygon of {len(polygon)} numbers on {shown(image.file_name)}; "
                    "a polygon has x and y of at least three points"
                )
        return tuple(tuple(polygon) for polygon in segmentation)
    height, width = segmentation.size
    try:
        counts = parse_counts(segmentation.counts)
    except ValueError as error:
        raise InputError(f"{path}: a mask of {shown(image.file_name)}: {error}") from error
    if (height, width) != (image.height, image.width) or sum(counts) != height * width:
        raise InputError(
            f"{path}: a mask of {shown(image.file_name)} has not its "
            f"{image.width}x{image.height} pixels"
        )
    return RunLengths(height, width, counts)
