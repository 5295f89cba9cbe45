"""Outputs are found by name in whatever a module returns."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from zoo.errors import InputError
from zoo.outputs import (
    Interface,
    OutputSpec,
    classifier_interface,
    parts_of,
    plain_interface,
    segmenter_interface,
    told_interface,
)

A, B = torch.zeros(1, 7), torch.ones(1, 2, 4, 4)
Pair = namedtuple("Pair", ["boxes", "logits"])


@dataclass
class Answer:
    loss: Tensor | None
    logits: Tensor


@pytest.mark.parametrize(
    ("returned", "keys"),
    [
        (A, [""]),
        ((A, B), ["0", "1"]),
        ([A, None, [B]], ["0", "2.0"]),
        ({"out": B, "aux": A}, ["out", "aux"]),
        (OrderedDict(z=A, a={"b": B, "n": 3}), ["z", "a.b"]),
        (Pair(B, A), ["boxes", "logits"]),
        (Answer(None, A), ["logits"]),
        (None, []),
    ],
)
def test_tensors_have_keys(returned: object, keys: list[str]) -> None:
    assert list(parts_of(returned)) == keys


@pytest.mark.parametrize(
    "returned", [A, (A,), {"logits": A, "features": B}, Pair(B, A), Answer(None, A), {"out": A}]
)
def test_logits_are_the_only_tensor_or_the_one_called_so(returned: object) -> None:
    found = classifier_interface("n", returned)
    assert found.names == ("logits",) and found.outputs[0].shape == (1, 7)
    assert found.select(returned) is A


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ((A, A), "tuple of 2 tensors"),
        (None, "NoneType"),
        (B, r"\(1, 2, 4, 4\)"),
        ({"x": A, "y": A}, "dict"),
    ],
)
def test_what_has_no_logits_is_refused(returned: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        classifier_interface("n", returned)


class Told:
    interface = Interface(
        "detection", (OutputSpec("boxes", key="b"), OutputSpec("scores", key="s"))
    )
    num_classes = 3


def test_a_module_may_say_what_it_is_for() -> None:
    found, classes = told_interface("n", Told(), {"s": A, "b": B, "more": A})
    assert (found.task, classes) == ("detection", 3)
    assert [(o.name, o.shape) for o in found.outputs] == [
        ("boxes", (1, 2, 4, 4)),
        ("scores", (1, 7)),
    ]
    assert told_interface("n", object(), A)[1] == 7
    with pytest.raises(InputError, match=r"returns nothing at 'b'.* it returns 's'"):
        told_interface("n", Told(), {"s": A})
    vague = Told()
    vague.num_classes = 0
    with pytest.raises(InputError, match="give it num_classes"):
        told_interface("n", vague, {"s": A, "b": B})


@pytest.mark.parametrize(
    "returned", [B, (B,), {"out": B, "aux": B}, {"logits": B, "features": A}, {"mask": B}]
)
def test_maps_of_logits_are_a_segmenters(returned: object) -> None:
    found, classes = told_interface("n", object(), returned)
    assert (found.task, found.names, classes) == ("segmentation", ("logits",), 2)
    assert found.outputs[0].shape == (1, 2, 4, 4) and found.select(returned) is B


@pytest.mark.parametrize("returned", [A, {"out": A}, torch.zeros(1, 5, 1, 1), (B, B), None])
def test_what_no_segmenter_returns(returned: object) -> None:
    assert segmenter_interface("n", returned) is None


def test_maps_that_tell_no_classes() -> None:
    with pytest.raises(InputError, match=r"n: returns one map .* return two maps"):
        told_interface("n", object(), B[:, :1])
    with pytest.raises(InputError, match="n: returns maps of 300 classes, and masks hold 255"):
        told_interface("n", object(), torch.zeros(1, 300, 2, 2))


def test_selection_has_an_order_of_its_own() -> None:
    outputs = (OutputSpec("scores", key="b.c"), OutputSpec("mask", key="a"))
    interface = Interface("detection", outputs)
    selected = interface.select({"a": B, "b": {"c": A}})
    assert isinstance(selected, tuple) and selected[0] is A and selected[1] is B
    assert list(interface.named(selected)) == ["scores", "mask"]


def test_names_where_nothing_says_more() -> None:
    assert plain_interface(A).names == plain_interface([A]).names == ("logits",)
    assert plain_interface({"out": B}).task == "segmentation"
    assert plain_interface((A, B)).names == ("output_0", "output_1")
    assert plain_interface({"a": A, "b": [B]}).names == ("a", "b_0")
