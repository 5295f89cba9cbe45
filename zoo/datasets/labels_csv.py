"""Reads ``labels.csv``: columns ``image`` (a relative path) and ``label``; others are ignored."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from zoo.datasets.classes import Classes
from zoo.datasets.samples import Entry
from zoo.errors import InputError, reason_of, shown

LABELS_CSV = "labels.csv"
_INDEX = re.compile(r"-?[0-9]{1,9}")

_Row = tuple[int, dict[str, str]]


def read_labels_csv(
    root: Path, labelled: bool, network_labels: tuple[str, ...] = ()
) -> list[Entry]:
    """The images that ``root/labels.csv`` lists.

    A label is an integer class index, or in all rows the name of one of ``network_labels``.

    Raises:
        InputError: no such column, an image that is missing, repeated or outside the folder, or a
            label that is neither.
    """
    source = root / LABELS_CSV
    rows = _rows(source, ("image", "label") if labelled else ("image",))
    images = _images(root, source, rows)
    labels: Sequence[int | None] = [None] * len(rows)
    if labelled:
        labels = _labels(source, rows, network_labels)
    return [
        Entry(path, label, name) for (name, path), label in zip(images.items(), labels, strict=True)
    ]


def _rows(source: Path, columns: Sequence[str]) -> list[_Row]:
    if not source.is_file():  # a pipe would be waited for
        raise InputError(f"{source}: is no file; it is a table of images and labels")
    try:
        with source.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restkey="", restval="")
            for column in columns:
                if column not in (reader.fieldnames or ()):
                    raise InputError(
                        f"{source}: has no column '{column}'; the first line is 'image,label'"
                    )
            return [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{source}: is not a UTF-8 CSV file ({reason_of(error)})") from error


def _images(root: Path, source: Path, rows: Sequence[_Row]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    folder = root.resolve()
    for line, row in rows:
        name = row["image"].strip()
        if not name:
            raise InputError(f"{source}: line {line} names no image")
        if name in found:
            raise InputError(f"{source}: line {line} repeats {shown(name)}; list an image once")
        path = root / name
        try:
            present = path.is_file()
            inside = path.resolve().is_relative_to(folder)
        except (OSError, ValueError):  # a name that no file can have
            present, inside = False, True
        if not inside:
            raise InputError(
                f"{source}: line {line} names {shown(name)}, which is outside {root}; "
                "put the images into the folder"
            )
        if not present:
            raise InputError(f"{source}: line {line} names {shown(name)}, which is not in {root}")
        found[name] = path
    return found


def _labels(source: Path, rows: Sequence[_Row], network_labels: tuple[str, ...]) -> list[int]:
    texts = [row["label"].strip() for _, row in rows]
    wrong = [number for number, text in enumerate(texts) if not _INDEX.fullmatch(text)]
    if not wrong:
        return [int(text) for text in texts]
    classes = Classes(network_labels)
    line, text = rows[wrong[0]][0], texts[wrong[0]]
    if len(wrong) < len(texts) or not classes.known:
        raise InputError(
            f"{source}: line {line} has label '{shown(text)}'; labels are integer class indices, "
            "or all of them names of the network's labels"
        )
    indices = {text: classes.find(text) for text in dict.fromkeys(texts)}
    for (line, _), text in zip(rows, texts, strict=True):
        if indices[text] is None:
            raise InputError(
                f"{source}: line {line} has label '{shown(text)}', {classes.why_not(text)}"
            )
    return [index for text in texts if (index := indices[text]) is not None]
