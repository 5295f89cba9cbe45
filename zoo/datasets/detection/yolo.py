"""Reads a YOLO folder: ``images/`` and ``labels/`` with one text file a picture.

A line is ``class x y width height``, the box's centre and size as parts of the picture's, or
``class x1 y1 x2 y2 x3 y3 ...``, a polygon (Ultralytics, "Detection datasets" and "Segmentation
datasets").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import yaml

from zoo.datasets.detection.annotations import (
    AnnotatedPicture,
    DetectionSet,
    Instance,
    Polygon,
    box_area,
)
from zoo.datasets.detection.upright import read_stored
from zoo.documents import read_bytes
from zoo.errors import InputError, reason_of, shown
from zoo.images import IMAGE_SUFFIXES

ADVICE = "give a folder with images/ and labels/"
IMAGES, LABELS = "images", "labels"
DATA_YAML = ("data.yaml", "dataset.yaml")
CLASS_NAMES = ("classes.txt", "obj.names")
TEXT_BYTES = 10_000_000
SLACK = 1e-3
"""How far a rounded coordinate may lie outside 0..1."""


def read_yolo(root: Path, *, labels: Sequence[str] = ()) -> DetectionSet:
    """The pictures of a YOLO folder, of a split's too (``images/val`` and ``labels/val``).

    Pictures without a text file have no objects.

    Args:
        root: the folder.
        labels: class names by index; without them ``names`` of ``data.yaml``, else the lines of
            ``classes.txt`` or ``obj.names``, else the indices as text.

    Raises:
        InputError: no pictures, a line that is neither form, or a class outside the names.
    """
    images = root / IMAGES
    files = (
        sorted(path for path in images.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
        if images.is_dir()
        else []
    )
    if not files:
        raise InputError(f"{root}: holds no pictures in {IMAGES}/; {ADVICE}")
    if not (root / LABELS).is_dir():
        raise InputError(f"{root}: has no folder {LABELS}/; {ADVICE}")
    names = tuple(labels) or _names(root)
    pictures = []
    for file in files:
        inner = file.relative_to(images)
        stored = read_stored(file)
        text = (root / LABELS / inner).with_suffix(".txt")
        instances = _read(text, *stored.upright) if text.is_file() else []
        pictures.append(AnnotatedPicture(file, inner.as_posix(), *stored.upright, tuple(instances)))
    most = max((i.label for picture in pictures for i in picture.instances), default=-1)
    if names and most >= len(names):
        raise InputError(
            f"{root}: has class {most}, outside its {len(names)} class names 0..{len(names) - 1}"
        )
    return DetectionSet(
        str(root), tuple(pictures), names or tuple(str(index) for index in range(most + 1))
    )


def _names(root: Path) -> tuple[str, ...]:
    for name in DATA_YAML:
        if (root / name).is_file():
            return _names_in_yaml(root / name)
    for name in CLASS_NAMES:
        for path in (root / name, root / LABELS / name):
            if path.is_file():
                return tuple(line for line in _lines(path) if line)
    return ()


def _names_in_yaml(path: Path) -> tuple[str, ...]:
    try:
        content = yaml.safe_load(read_bytes(path, ADVICE, TEXT_BYTES))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: is not YAML ({reason_of(error)}); {ADVICE}") from error
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[index] for index in range(len(names))]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: has no names, which are a list, or numbers from 0 with a name")
    return tuple(names)


def _lines(path: Path) -> list[str]:
    try:
        text = read_bytes(path, ADVICE, TEXT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no text; {ADVICE}") from error
    return [line.strip() for line in text.splitlines()]


def _read(path: Path, width: int, height: int) -> list[Instance]:
    found = []
    for number, line in enumerate(_lines(path), start=1):
        if not line:
            continue
        where = f"{path}: line {number}"
        fields = line.split()
        try:
            label, values = int(fields[0]), [float(field) for field in fields[1:]]
        except ValueError as error:
            raise InputError(f"{where} holds {shown(line)}; it takes numbers alone") from error
        if label < 0 or not all(-SLACK <= v <= 1 + SLACK for v in values if math.isfinite(v)):
            raise InputError(f"{where} holds a class below 0 or a coordinate outside 0..1")
        if not all(map(math.isfinite, values)):
            raise InputError(f"{where} holds a number that is not finite")
        if len(values) == 4:
            found.append(_from_box(where, label, values, width, height))
        elif len(values) >= 6 and len(values) % 2 == 0:
            found.append(_from_polygon(where, label, values, width, height))
        else:
            raise InputError(
                f"{where} has {len(values)} coordinates; a box has 4, a polygon an even number, "
                "at least 6"
            )
    return found


def _from_box(where: str, label: int, values: Sequence[float], width: int, height: int) -> Instance:
    x, y, wide, high = values
    box = (
        (x - wide / 2) * width,
        (y - high / 2) * height,
        (x + wide / 2) * width,
        (y + high / 2) * height,
    )
    if wide <= 0 or high <= 0:
        raise InputError(f"{where} has a box without area")
    return Instance(box, label, box_area(box))


def _from_polygon(
    where: str, label: int, values: Sequence[float], width: int, height: int
) -> Instance:
    xs, ys = [x * width for x in values[::2]], [y * height for y in values[1::2]]
    box = (min(xs), min(ys), max(xs), max(ys))
    # The shoelace formula.
    following = zip(xs[1:] + xs[:1], ys[1:] + ys[:1], strict=True)
    twice = sum(
        x * next_y - next_x * y for x, y, (next_x, next_y) in zip(xs, ys, following, strict=True)
    )
    if not twice:
        raise InputError(f"{where} has a polygon without area")
    polygon: Polygon = tuple(value for pair in zip(xs, ys, strict=True) for value in pair)
    return Instance(box, label, abs(twice) / 2, (polygon,))
