"""Reads Pascal VOC's XML: a file a picture, with boxes of whole pixels from 1 (VOC2012 devkit)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.parsers import expat

from zoo.datasets.detection.annotations import (
    AnnotatedPicture,
    Box,
    DetectionSet,
    Instance,
    box_area,
    picture_file,
)
from zoo.datasets.detection.upright import read_stored
from zoo.documents import read_bytes
from zoo.errors import InputError, reason_of, shown

ADVICE = "give a folder of Pascal VOC's XML files"
ANNOTATIONS, IMAGES = "Annotations", "JPEGImages"
XML_BYTES = 10_000_000
_FIRST_PIXEL = 1.0

_Element = tuple[str, str]
"""Path of names and text of one element."""


def read_voc(root: Path, *, labels: Sequence[str] = ()) -> DetectionSet:
    """The pictures of a VOC folder: ``Annotations/*.xml`` and ``JPEGImages/``.

    XML files may also lie in the folder itself, and pictures in ``images/`` or beside them. Objects
    marked ``difficult`` are crowds: they need not be found. A box includes both its end pixels.

    Args:
        root: the folder.
        labels: class names by index; without them those that occur, sorted.

    Raises:
        InputError: no XML files, one that is not VOC's, a picture that is missing, or a class that
            is none of ``labels``.
    """
    folder = root / ANNOTATIONS if (root / ANNOTATIONS).is_dir() else root
    files = sorted(folder.glob("*.xml")) if folder.is_dir() else []
    if not files:
        raise InputError(f"{root}: holds no XML files; {ADVICE}")
    read = [(path, _read(path)) for path in files]
    names = tuple(labels) or tuple(sorted({name for _, doc in read for name, _, _ in doc.objects}))
    indices = {name: index for index, name in enumerate(names)}
    pictures = []
    for path, document in read:
        folders = (root / IMAGES, root / "images", path.parent, root)
        file = picture_file(path, "filename", document.file_name, folders)
        stored = read_stored(file)
        turned = document.size is not None and stored.is_annotated_as_stored(*document.size)
        instances = []
        for name, box, difficult in document.objects:
            if name not in indices:
                raise InputError(f"{path}: has class {shown(name)}, which is none of the labels")
            upright = stored.turn_box(box) if turned else box
            instances.append(Instance(upright, indices[name], box_area(upright), crowd=difficult))
        pictures.append(AnnotatedPicture(file, file.name, *stored.upright, tuple(instances)))
    return DetectionSet(str(root), tuple(pictures), names)


class _Document:
    """What is read of one file: the picture's name and size, and (class, box, difficult)."""

    def __init__(self) -> None:
        self.file_name = ""
        self.size: tuple[int, int] | None = None
        self.objects: list[tuple[str, Box, bool]] = []


def _read(path: Path) -> _Document:
    try:
        elements = _elements(read_bytes(path, ADVICE, XML_BYTES))
    except expat.ExpatError as error:
        raise InputError(f"{path}: is not XML ({reason_of(error)}); {ADVICE}") from error
    if not elements or elements[0][0] != "annotation":
        raise InputError(f"{path}: is no VOC annotation; {ADVICE}")
    document, objects, sides = _Document(), list[dict[str, str]](), dict[str, str]()
    for name, text in elements:
        if name == "annotation/filename":
            document.file_name = text
        elif name.startswith("annotation/size/"):
            sides[name.rpartition("/")[2]] = text
        elif name == "annotation/object":
            objects.append({})
        elif name.startswith("annotation/object/") and objects:
            # Parts of an object have boxes and names of their own, further down.
            objects[-1].setdefault(name.removeprefix("annotation/object/"), text)
    document.objects = [_object(path, fields) for fields in objects]
    try:
        document.size = (int(sides["width"]), int(sides["height"]))
    except (KeyError, ValueError):
        document.size = None
    return document


def _elements(content: bytes) -> list[_Element]:
    """Every element in the order of its beginning; entities are not expanded."""
    found: list[list[str]] = []
    open_elements: list[int] = []

    def start(name: str, _: dict[str, str]) -> None:
        above = found[open_elements[-1]][0] + "/" if open_elements else ""
        open_elements.append(len(found))
        found.append([above + name, ""])

    def refuse(*_: object) -> None:
        raise expat.ExpatError("it declares entities")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_elements.pop()

    def text(data: str) -> None:
        found[open_elements[-1]][1] += data

    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = refuse
    parser.Parse(content, True)
    return [(name, value.strip()) for name, value in found]


def _object(path: Path, fields: dict[str, str]) -> tuple[str, Box, bool]:
    name = fields.get("name", "")
    try:
        left, top, right, bottom = (
            float(fields[f"bndbox/{side}"]) for side in ("xmin", "ymin", "xmax", "ymax")
        )
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path}: an object lacks xmin, ymin, xmax or ymax as numbers; {ADVICE}"
        ) from error
    box = (left - _FIRST_PIXEL, top - _FIRST_PIXEL, right, bottom)
    if not name:
        raise InputError(f"{path}: an object has no name; {ADVICE}")
    if not all(map(math.isfinite, box)) or box[2] <= box[0] or box[3] <= box[1]:
        raise InputError(f"{path}: the box of {shown(name)} has no area; correct it")
    return name, box, fields.get("difficult") == "1"
