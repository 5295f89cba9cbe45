"""Which class a folder or a name in labels.csv is, by hand."""

from __future__ import annotations

import re

import pytest

from zoo.datasets.classes import Classes, class_indices
from zoo.embedded import LABELS
from zoo.errors import InputError
from zoo.imagenet import class_names

UNNAMED = ("0", "1", "2")


def _indices(names: list[str], labels: tuple[str, ...], classes: int | None = None) -> list[int]:
    found = class_indices("data", names, len(labels) if classes is None else classes, labels)
    return [found[name] for name in names]


def _error(names: list[str], labels: tuple[str, ...]) -> str:
    with pytest.raises(InputError) as error:
        _indices(names, labels)
    assert "\n" not in str(error.value) and len(str(error.value)) <= 300
    return str(error.value)


@pytest.mark.parametrize(
    ("names", "labels", "expected"),
    [
        (["Cat", "Dog"], ("dog", "cat"), [1, 0]),
        (["CAT"], ("dog", "cat"), [1]),
        (["golden_retriever", "great-dane"], ("Great Dane", "Golden Retriever", "pug"), [1, 0]),
        (["GoldenRetriever", " pug "], ("pug", "golden retriever"), [1, 0]),
        (["Ankle boot", "T-shirt_top", "bag"], LABELS, [9, 0, 8]),
        (["Stra\u00dfe", "wei\u00df"], ("WEISS", "STRASSE"), [1, 0]),
        (["n01440764", "n01443537"], ("n01443537", "n01440764"), [1, 0]),
        (["n01440764"], ("goldfish", "n01440764 tench, Tinca tinca"), [1]),
        (["tench"], ("goldfish", "n01440764 tench, Tinca tinca"), [1]),
        (["n01440764-tench"], ("goldfish", "tench"), [1]),
        (["tinca_tinca"], ("goldfish", "tench, Tinca tinca"), [1]),
        (["c", "c++"], ("c++", "c"), [1, 0]),  # written alike comes before written nearly alike
        (["3", "7"], ("7", "3", "5"), [1, 0]),  # labels that are numbers
        (["0", "2"], ("dog", "cat", "hen"), [0, 2]),
        (["000", "01"], ("dog", "cat", "hen"), [0, 1]),
        (["10", "2"], tuple(map(str, range(12))), [10, 2]),
        (["ant", "bee", "cow"], UNNAMED, [0, 1, 2]),
        (["ant", "bee"], (), [0, 1]),
    ],
)
def test_which_class(names: list[str], labels: tuple[str, ...], expected: list[int]) -> None:
    assert _indices(names, labels) == expected


def test_imagenet_by_name_by_id_and_in_part() -> None:
    labels = class_names()
    assert _indices(["golden_retriever", "tench"], labels) == [207, 0]
    assert _indices(["n02099601", "n01440764"], labels) == [207, 0]
    assert _indices(["n02099601_golden_retriever", "n01440764-tench"], labels) == [207, 0]
    assert _indices(["n02099601"], tuple(map(str, range(1000)))) == [207]


@pytest.mark.parametrize(
    ("names", "labels", "said"),
    [
        (["cat", "dog", "zebra"], ("dog", "cat", "hen"), "folder zebra is none of the network's"),
        (["a", "b"], ("dog", "cat"), "class folders a, b (2 in all) are not among"),
        (["a", "b", "c", "d"], ("w", "x", "y", "z"), "a, b, c, ... (4 in all)"),
        (["1", "two"], ("dog", "cat", "hen"), "class folders 1, two"),
        (["Cat", "cat"], ("dog", "cat"), "Cat and cat are both class 1"),
        (["1", "01"], ("dog", "cat"), "1 and 01 are both class 1"),
        (["CARDIGAN"], class_names(), "label of classes 264 and 474"),
        (["ant", "bee"], UNNAMED, "2 class folders (ant, bee) where the network has 3 classes"),
        (["ant", "bee", "cow", "dog"], UNNAMED, "4 class folders"),
        (["x" * 5000, "\x07"], ("dog", "cat"), "\\x07"),
        (["9" * 5000, "0"], ("dog", "cat"), "not among the network's labels"),
    ],
)
def test_what_cannot_be_told(names: list[str], labels: tuple[str, ...], said: str) -> None:
    assert said in _error(names, labels)


def test_indices_in_place_of_labels_are_no_names() -> None:
    assert not Classes(UNNAMED).known and not Classes(()).known
    assert Classes(("1", "0")).known
    assert Classes(("1", "0")).find("0") == 1


def test_every_label_of_imagenet_finds_itself() -> None:
    labels = class_names()
    classes = Classes(labels)
    for index, label in enumerate(labels):
        assert classes.find(label) == index
        # A Cardigan is a dog and a cardigan is a garment.
        other = None if label.lower() == "cardigan" else index
        assert classes.find(re.sub(r"[ '/-]", "_", label).upper()) == other, label


def test_labels_that_are_twice_the_same() -> None:
    classes = Classes(("crane", "cat", "crane"))
    assert (classes.find("cat"), classes.find("crane")) == (1, None)
    assert "classes 0 and 2" in classes.why_not("crane")
