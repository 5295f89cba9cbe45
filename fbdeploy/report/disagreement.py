"""What a classifier's int8 artefact answers where float answers otherwise, and which mistakes both
make, from the answers that were kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.records.manifest import Manifest
from fbdeploy.records.predictions import Predictions
from fbdeploy.records.results import Line
from fbdeploy.report.kept import kept_answers, label_of, picture_address
from fbdeploy.report.recommend import name_in_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LISTED = 12
"""Differing images told by name where no pictures of them were kept."""
ALL_CLASSES, CHANGED_CLASSES = 20, 10
"""All classes are told of up to so many; of more, those that change most."""
MATRIX = 12
"""Classes at most for a confusion matrix, which a phone must show."""
MISTAKES = 10


@dataclass(frozen=True)
class Differing:
    """An image on which the two differ: its label (empty without one), what each says, and its
    picture's address, empty where none was kept."""

    name: str
    label: str
    float_says: str
    int8_says: str
    address: str


@dataclass(frozen=True)
class ClassChange:
    """The share of a class's ``images`` that each has right."""

    label: str
    images: int
    float_right: float
    int8_right: float


@dataclass(frozen=True)
class Mistake:
    """How many images of a class are taken for another, by each."""

    label: str
    answer: str
    float_count: int
    int8_count: int


@dataclass(frozen=True)
class Answers:
    """What ``artefact`` makes of ``images``, of which ``differ`` have another answer than float's.

    Of these, ``float_right`` and ``int8_right`` are right by one of the two alone; None without
    labels. ``matrix`` has a row a class with the number of images that int8 takes for each class;
    empty with many classes or without labels. ``classes_left_out`` are not in ``classes``.
    """

    artefact: str
    images: int
    differ: int
    shown: tuple[Differing, ...]
    float_right: int | None = None
    int8_right: int | None = None
    classes: tuple[ClassChange, ...] = ()
    classes_left_out: int = 0
    mistakes: tuple[Mistake, ...] = ()
    matrix: tuple[tuple[str, tuple[int, ...]], ...] = ()


def answers(
    folder: Path, manifest: Manifest, lines: Sequence[Line], preferred: str | None
) -> Answers | None:
    """Those of the int8 artefact at ``preferred``, else of the first; None of other tasks and
    where none were kept."""
    if manifest.network.task != "classification":
        return None
    found = kept_answers(folder, manifest, lines, preferred)
    if found is None or not found[1].names:
        return None
    entry, kept = found
    return answers_of(
        name_in_words(entry.format, entry.build, entry.variant), kept, manifest.labels
    )


def answers_of(artefact: str, kept: Predictions, names: Sequence[str]) -> Answers:
    """What is told of kept answers, whose classes are called ``names``."""
    import numpy as np

    int8, reference = (
        np.array([answer.classes[0] for answer in side], np.int64)
        for side in (kept.predictions, kept.reference)
    )
    labels = kept.labels.astype(np.int64)
    labelled = labels.size == int8.size and bool(labels.min() >= 0)
    differs = int8 != reference
    shown = _shown(kept, int8, reference, labels if labelled else None, names)
    found = Answers(artefact, int8.size, int(differs.sum()), tuple(shown))
    if not labelled:
        return found
    count = int(max(len(names), int8.max() + 1, reference.max() + 1, labels.max() + 1))
    float_confusion, confusion = (
        np.bincount(labels * count + side, minlength=count * count).reshape(count, count)
        for side in (reference, int8)
    )
    classes = _classes(float_confusion, confusion, names)
    told = classes
    if len(classes) > ALL_CLASSES:
        changed = [one for one in classes if one.int8_right != one.float_right]
        told = sorted(changed, key=lambda one: -abs(one.int8_right - one.float_right))
        told = told[:CHANGED_CLASSES]
    matrix = [
        (label_of(names, index), tuple(confusion[index].tolist()))
        for index in range(count if count <= MATRIX else 0)
    ]
    return replace(
        found,
        float_right=int((differs & (reference == labels)).sum()),
        int8_right=int((differs & (int8 == labels)).sum()),
        classes=tuple(told),
        classes_left_out=len(classes) - len(told),
        mistakes=tuple(_mistakes(float_confusion, confusion, names)),
        matrix=tuple(matrix),
    )


def _shown(
    kept: Predictions,
    int8: NDArray[np.int64],
    reference: NDArray[np.int64],
    labels: NDArray[np.int64] | None,
    names: Sequence[str],
) -> list[Differing]:
    pictures = {}
    if kept.shown is not None:
        indices = kept.shown.indices.tolist()
        pictures = dict(zip(indices, kept.shown.pixels, strict=True))
    differing = [int(index) for index in (int8 != reference).nonzero()[0]]
    chosen = [index for index in differing if index in pictures] or differing[:LISTED]
    return [
        Differing(
            name=kept.names[index],
            label="" if labels is None else label_of(names, int(labels[index])),
            float_says=label_of(names, int(reference[index])),
            int8_says=label_of(names, int(int8[index])),
            address=picture_address(pictures[index]) if index in pictures else "",
        )
        for index in chosen
    ]


def _classes(
    float_confusion: NDArray[np.int64], confusion: NDArray[np.int64], names: Sequence[str]
) -> list[ClassChange]:
    """Of the classes that an image has."""
    images = confusion.sum(axis=1).tolist()
    return [
        ClassChange(
            label_of(names, index),
            count,
            float(float_confusion[index, index]) / count,
            float(confusion[index, index]) / count,
        )
        for index, count in enumerate(images)
        if count
    ]


def _mistakes(
    float_confusion: NDArray[np.int64], confusion: NDArray[np.int64], names: Sequence[str]
) -> list[Mistake]:
    """The commonest of int8."""
    import numpy as np

    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MISTAKES]
    found = []
    for place in order.tolist():
        label, answer = divmod(place, wrong.shape[1])
        if wrong[label, answer]:
            found.append(
                Mistake(
                    label_of(names, label),
                    label_of(names, answer),
                    int(float_confusion[label, answer]),
                    int(wrong[label, answer]),
                )
            )
    return found
