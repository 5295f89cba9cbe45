"""Which class of the network a folder or a label in a table means."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

from zoo.errors import InputError, shown
from zoo.imagenet import NUM_CLASSES, wordnet_ids

_SHOWN = 3
_INTEGER = re.compile(r"[0-9]{1,9}")
_ID_AND_NAME = re.compile(r"(n[0-9]{8})[\s_\-:,.]+(.+)")
RENAME = "rename the folders after the network's labels, or by class index from 0"


class Classes:
    """A network's classes by their labels.

    A name is a label's if it is written alike, else if it differs by nothing but case, blanks and
    punctuation (``golden_retriever``, ``Golden Retriever``), else if it is the WordNet id or one of
    the synonyms that the label lists (``n01440764 tench, Tinca tinca``). A name that is alike to
    two labels is neither's.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.known = tuple(labels) != tuple(str(index) for index in range(len(labels)))
        """Whether these are names at all, and not indices in place of unknown ones."""
        self._tables: list[dict[str, set[int]]] = []
        for keys_of in (_itself, _loosely, _parts):
            table: dict[str, set[int]] = defaultdict(set)
            if self.known:
                for index, label in enumerate(labels):
                    for key in keys_of(label):
                        table[key].add(index)
            self._tables.append(table)
        self._labels = tuple(labels)

    def find(self, name: str) -> int | None:
        """The index of the class called ``name``; None where none is, or more than one."""
        found = self._candidates(name)
        return next(iter(found)) if len(found) == 1 else None

    def why_not(self, name: str) -> str:
        """Why ``find`` says None, as the end of a sentence about ``name``."""
        found = sorted(self._candidates(name))
        if found:
            return f"the label of classes {' and '.join(map(str, found))}; give the class index"
        return f"none of the network's labels ({_few(self._labels)})"

    def _candidates(self, name: str) -> set[int]:
        exactly, loosely, parts = self._tables
        tries = [(exactly, name), (loosely, _key(name)), (parts, _key(name))]
        numbered = _ID_AND_NAME.fullmatch(name)
        if numbered:
            words = _key(numbered[2])
            tries += [(parts, numbered[1]), (loosely, words), (parts, words)]
        return next((table[key] for table, key in tries if table.get(key)), set())


def class_indices(
    source: str, names: Sequence[str], num_classes: int | None, network_labels: Sequence[str]
) -> dict[str, int]:
    """The class index of every folder name.

    Names of the network's labels are those classes; else integers are those classes; else, in a
    network of 1000 classes, WordNet ids are ImageNet's. Folders are numbered in sorted order only
    where the network has no labels and as many classes as there are folders, or nothing is known
    of its labels (``network_labels`` is empty).

    Args:
        source: the folder that holds them, named in errors.
        names: sorted.
        num_classes: of the network, None where unknown.
        network_labels: its class names, their indices as text where it has none, or empty.

    Raises:
        InputError: which class a folder is cannot be told, or two are the same class.
    """
    classes = Classes(network_labels)
    found = {name: classes.find(name) for name in names}
    if None in found.values():
        found = dict(_numbers_or_ids(names, num_classes)) or found
    indices = {name: index for name, index in found.items() if index is not None}
    if len(indices) < len(names):
        if classes.known:
            raise InputError(_strangers(source, [n for n in names if n not in indices], classes))
        if network_labels and len(names) != len(network_labels):
            raise InputError(
                f"{source}: has {len(names)} class folders ({_few(names)}) where the network has "
                f"{len(network_labels)} classes and no labels; name the folders by class index"
            )
        return {name: index for index, name in enumerate(names)}
    _check_distinct(source, indices)
    return indices


def tell_classes(names: Sequence[str], num_classes: int | None) -> bool:
    """Whether folder names are class indices or ImageNet's ids, and so need no labels."""
    return bool(_numbers_or_ids(names, num_classes))


def _numbers_or_ids(names: Sequence[str], num_classes: int | None) -> dict[str, int]:
    if all(_INTEGER.fullmatch(name) for name in names):
        return {name: int(name) for name in names}
    if num_classes == NUM_CLASSES:
        ids = wordnet_ids()
        numbered = {name: _wordnet_id(name) for name in names}
        if set(numbered.values()) <= ids.keys():
            return {name: ids[number] for name, number in numbered.items()}
    return {}


def _wordnet_id(name: str) -> str:
    numbered = _ID_AND_NAME.fullmatch(name)
    return numbered[1] if numbered else name


def _strangers(source: str, names: Sequence[str], classes: Classes) -> str:
    if len(names) == 1:
        return f"{source}: class folder {shown(names[0])} is {classes.why_not(names[0])}; {RENAME}"
    return (
        f"{source}: class folders {_few(names)} ({len(names)} in all) are not among the network's "
        f"labels; {RENAME}"
    )


def _check_distinct(source: str, indices: dict[str, int]) -> None:
    owner: dict[int, str] = {}
    for name, index in indices.items():
        if index in owner:
            raise InputError(
                f"{source}: class folders {shown(owner[index])} and {shown(name)} are both class "
                f"{index}; put their images into one"
            )
        owner[index] = name


def _few(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _SHOWN else ""
    return ", ".join(shown(name, 30) for name in names[:_SHOWN]) + more


def _key(name: str) -> str:
    """What is left of a name without case and punctuation; of one that is nothing else, itself."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(filter(str.isalnum, folded)) or folded


def _itself(label: str) -> list[str]:
    return [label]


def _loosely(label: str) -> list[str]:
    return [_key(label)]


def _parts(label: str) -> list[str]:
    """The WordNet id in front of a label, and its synonyms."""
    numbered = _ID_AND_NAME.fullmatch(label)
    words = numbered[2] if numbered else label
    return ([numbered[1]] if numbered else []) + [_key(word) for word in words.split(",")]
