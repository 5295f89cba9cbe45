"""Which class of the network an id in a mask is: as it is, or by a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.classes import Classes
from zoo.documents import MEGABYTE, read_json
from zoo.errors import InputError, shown
from zoo.outputs import MOST_PIXEL_CLASSES

IGNORE = MOST_PIXEL_CLASSES
"""The class of pixels that no one scores, as Pascal VOC and torchvision have it."""
MOST_CLASSES = MOST_PIXEL_CLASSES
UNLABELLED = frozenset({"unlabeled", "unlabelled", "void", "ignore", "ambiguous"})
"""Names that stand for IGNORE, in COCO, Pascal VOC, Cityscapes and ADE20K."""
_SHOWN = 3
ADVICE = "map each id to a label, a class index, or null to leave its pixels out"


@dataclass(frozen=True)
class MaskClasses:
    """The class of each id, 0..254 or IGNORE.

    ``table`` None means that ids are classes. ``num_classes`` is the network's, None where unknown.
    """

    table: Mapping[int, int] | None
    num_classes: int | None
    ignore: int = IGNORE

    def of(self, source: Path, ids: NDArray[np.int32]) -> NDArray[np.uint8]:
        """The classes (H, W) of a mask's ids (H, W), IGNORE where pixels do not count.

        Raises:
            InputError: an id that is no class and in no map; ``source`` is named.
        """
        present, where = _present(ids)
        if self._looks_binary(present):
            raise InputError(
                f"{source}: has the ids 0 and 255 alone, and 255 stands for pixels that do not "
                'count; where it is the second class, write {"0": 0, "255": 1} as class map'
            )
        classes = [self._class_of(int(number)) for number in present]
        strange = [
            int(number) for number, found in zip(present, classes, strict=True) if found is None
        ]
        if strange:
            raise InputError(f"{source}: has {_ids(strange)}, {self._why(strange[0])}")
        table = np.array([found or 0 for found in classes], np.uint8)
        return table[where].reshape(ids.shape)

    def _looks_binary(self, present: NDArray[np.int64]) -> bool:
        plain = self.table is None and self.num_classes == 2 and self.ignore == IGNORE
        return plain and present.tolist() == [0, IGNORE]

    def _class_of(self, number: int) -> int | None:
        if self.table is not None:
            return self.table.get(number)
        if number == self.ignore:
            return IGNORE
        most = MOST_CLASSES if self.num_classes is None else self.num_classes
        return number if number < most else None

    def _why(self, number: int) -> str:
        if self.table is not None:
            return f"which the class map lacks; {ADVICE}"
        most = MOST_CLASSES if self.num_classes is None else self.num_classes
        return (
            f"which is none of the classes 0..{most - 1} nor {self.ignore} for pixels that do not "
            "count; give a class map, or the value to ignore"
        )


def read_class_map(
    path: Path, num_classes: int | None, network_labels: tuple[str, ...]
) -> dict[int, int]:
    """The class of each id that a JSON file maps, such as ``{"0": null, "1": "person", "3": 2}``.

    A name is that of one of ``network_labels``, an integer a class index, null (or a name of
    UNLABELLED that is no label) IGNORE. Where the network has no labels and as many classes as
    there are names, ids are classes in their order.

    Raises:
        InputError: no such file, another form, or a class that the network does not have.
    """
    stored = read_json(path, ADVICE, MEGABYTE)
    if not isinstance(stored, dict):
        raise InputError(f"{path}: holds no JSON object; {ADVICE}")
    entries = {_id(path, key): value for key, value in stored.items()}
    return match_classes(str(path), entries, num_classes, network_labels)


def match_classes(
    source: str,
    entries: Mapping[int, object],
    num_classes: int | None,
    network_labels: tuple[str, ...],
) -> dict[int, int]:
    """The class of each id of ``entries``, whose values are as in ``read_class_map``'s file.

    Raises:
        InputError: a class that the network does not have; ``source`` is named.
    """
    classes = Classes(network_labels)
    most = MOST_CLASSES if num_classes is None else num_classes
    found: dict[int, int] = {}
    unknown: dict[int, str] = {}
    for number, value in entries.items():
        index = classes.find(value) if isinstance(value, str) else value
        if value is None or (index is None and str(value).lower() in UNLABELLED):
            found[number] = IGNORE
        elif isinstance(value, str) and index is None:
            unknown[number] = value
        elif not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < most:
            raise InputError(
                f"{source}: maps id {number} to {shown(value)}, which is no class of 0..{most - 1};"
                f" {ADVICE}"
            )
        else:
            found[number] = index
    mapped = any(index != IGNORE for index in found.values())
    if not classes.known and not mapped and len(unknown) == num_classes:
        return found | {number: place for place, number in enumerate(sorted(unknown))}
    if unknown:
        number, name = min(unknown.items())
        said = f" and {len(unknown) - 1} others" if len(unknown) > 1 else ""
        raise InputError(
            f"{source}: id {number} is {shown(name)}{said}, {classes.why_not(name)}; {ADVICE}"
        )
    return found


def _present(ids: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ids there are, sorted, and the place of each pixel's among them, flat."""
    flat = ids.ravel()
    if flat.size and int(flat.max()) < 1 << 16:  # several times faster than sorting
        counts = np.bincount(flat)
        present = np.flatnonzero(counts)
        places = np.zeros(len(counts), np.int64)
        places[present] = np.arange(len(present))
        return present, places[flat]
    present, where = np.unique(flat, return_inverse=True)
    return present.astype(np.int64), where.ravel()


def _ids(numbers: list[int]) -> str:
    more = ", ..." if len(numbers) > _SHOWN else ""
    listed = ", ".join(map(str, numbers[:_SHOWN])) + more
    return f"the id {listed}" if len(numbers) == 1 else f"the ids {listed}"


def _id(path: Path, key: str) -> int:
    if not key.isascii() or not key.isdigit() or len(key) > 8:
        raise InputError(f"{path}: {shown(key)} is no id; {ADVICE}")
    return int(key)
