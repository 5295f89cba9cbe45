"""What a network gives: named outputs in a fixed order, and where its module returns them.

A graph made of a network returns its outputs in that order: the tensor itself where there is one,
else a tuple. Names are told by the ``Interface`` that goes with it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from zoo.errors import InputError

if TYPE_CHECKING:  # two seconds to import, which readers of names need not wait for
    from torch import Tensor

TaskName = Literal["classification", "segmentation", "detection"]
Returned: TypeAlias = "Tensor | tuple[Tensor, ...]"
"""What a graph returns: its only output, or all of them in order; batch first."""


@dataclass(frozen=True)
class OutputSpec:
    """One output. ``shape`` is that for one image, batch first: (1, ...).

    ``meaning`` says what its values are, for people, and ``dtype`` their type, uint8 only in
    artefacts that answer with classes. ``key`` is where it is in what the module
    returns: keys, fields or positions joined by dots, such as ``out`` or ``0``; empty where the
    module returns that tensor itself.
    """

    name: str
    shape: tuple[int, ...] = ()
    meaning: str = ""
    key: str = ""
    dtype: Literal["float32", "uint8"] = "float32"


@dataclass(frozen=True)
class Interface:
    """What a network's outputs are, in order, and the task that says what they mean."""

    task: TaskName
    outputs: tuple[OutputSpec, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs' names, in order."""
        return tuple(output.name for output in self.outputs)

    @property
    def image_bytes(self) -> int:
        """Of all outputs of one image, as far as their shapes are known."""
        return 4 * sum(math.prod(output.shape) for output in self.outputs)

    @property
    def selects(self) -> bool:
        """Whether the outputs must be found in what the module returns."""
        return any(output.key for output in self.outputs)

    def select(self, returned: object) -> Returned:
        """The outputs, of what a module returned."""
        found = parts_of(returned)
        chosen = tuple(found[output.key] for output in self.outputs)
        return chosen[0] if len(chosen) == 1 else chosen

    def named(self, returned: Returned) -> dict[str, Tensor]:
        """The outputs by name, in order, of what a graph returned."""
        values = returned if isinstance(returned, tuple) else (returned,)
        return dict(zip(self.names, values, strict=True))


LOGITS = Interface("classification", (OutputSpec("logits", meaning="logits of the classes"),))
"""What a classifier gives, its number of classes left open."""
PIXEL_LOGITS = Interface(
    "segmentation", (OutputSpec("logits", meaning="logits of the classes at each place"),)
)
"""What a segmenter gives, its number of classes and its resolution left open."""
MOST_PIXEL_CLASSES = 255
"""Masks hold a class in 8 bits, of which one value stands for pixels that do not count."""


def plain_interface(returned: object) -> Interface:
    """The interface of a module of which nothing is known but what it returns: as a segmenter's or
    classifier's where that is one tensor, else all tensors by their keys."""
    found = parts_of(returned)
    keys = tuple(found)
    if len(keys) == 1:
        plain = PIXEL_LOGITS if _is_map(found[keys[0]]) else LOGITS
        (spec,) = plain.outputs
        return Interface(plain.task, (dataclasses.replace(spec, key=keys[0]),))
    return Interface(
        "classification",
        tuple(
            OutputSpec(f"output_{key}" if key.isdigit() else key.replace(".", "_"), key=key)
            for key in keys
        ),
    )


def parts_of(returned: object) -> dict[str, Tensor]:
    """The tensors in what a module returns, by ``OutputSpec.key``, in order.

    Mappings count by their keys, named tuples and dataclasses by their fields, lists and tuples by
    position; what holds no tensor is left out.
    """
    from torch import Tensor

    if isinstance(returned, Tensor):
        return {"": returned}
    found: dict[str, Tensor] = {}
    for key, value in _children(returned):
        for inner, tensor in parts_of(value).items():
            found[f"{key}.{inner}" if inner else key] = tensor
    return found


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        yield from ((str(key), inner) for key, inner in value.items())
    elif dataclasses.is_dataclass(value):
        yield from ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
    elif isinstance(value, (list, tuple)):
        names: Sequence[object] = getattr(value, "_fields", None) or range(len(value))
        yield from zip(map(str, names), value, strict=True)


def told_interface(name: str, module: object, returned: object) -> tuple[Interface, int]:
    """The interface of the network ``name``, and how many classes it tells apart.

    A module says what it is for with the attributes ``interface``, an ``Interface``, and
    ``num_classes``; without the first it is a segmenter or a classifier. ``returned`` is what it
    makes of one image.

    Raises:
        InputError: it does not return what it says, or is neither and says nothing.
    """
    told = getattr(module, "interface", None)
    if not isinstance(told, Interface):
        interface = segmenter_interface(name, returned) or classifier_interface(name, returned)
        return interface, interface.outputs[0].shape[1]
    found = parts_of(returned)
    for output in told.outputs:
        if output.key not in found:
            raise InputError(
                f"{name}: returns nothing at '{output.key}', where its interface has the output "
                f"{output.name}; it returns {', '.join(repr(key) for key in found) or 'no tensor'}"
            )
    outputs = (dataclasses.replace(o, shape=tuple(found[o.key].shape)) for o in told.outputs)
    classes = getattr(module, "num_classes", None)
    if not isinstance(classes, int) or classes < 1:
        raise InputError(f"{name}: is for {told.task}; give it num_classes, an attribute")
    return Interface(told.task, tuple(outputs)), classes


def segmenter_interface(name: str, returned: object) -> Interface | None:
    """The interface of the segmenter ``name``, of what its module returns for one image; None if
    that is none's.

    Its logits, (1, classes, h, w), are the only tensor returned, or the one called ``out``, as
    torchvision's networks have it, or ``logits``.

    Raises:
        InputError: they are of one class, or of more than masks hold.
    """
    found = parts_of(returned)
    named = [key for key in ("out", "logits") if key in found]
    key = named[0] if named else next(iter(found), None)
    if key is None or (len(found) > 1 and not named) or not _is_map(found[key]):
        return None
    shape = tuple(found[key].shape)
    if shape[1] == 1:
        raise InputError(
            f"{name}: returns one map of shape {shape}, and the class of a pixel is the largest of "
            "several logits; return two maps, such as torch.cat([-x, x], 1)"
        )
    if shape[1] > MOST_PIXEL_CLASSES:
        raise InputError(
            f"{name}: returns maps of {shape[1]} classes, and masks hold {MOST_PIXEL_CLASSES}"
        )
    (spec,) = PIXEL_LOGITS.outputs
    return Interface("segmentation", (dataclasses.replace(spec, shape=shape, key=key),))


def _is_map(value: Tensor) -> bool:
    """Whether ``value`` has places, and not one for all of the image."""
    return value.ndim == 4 and len(value) == 1 and tuple(value.shape[2:]) != (1, 1)


def classifier_interface(name: str, returned: object) -> Interface:
    """The interface of the classifier ``name``, of what its module returns for one image.

    Its logits are the only tensor returned, or the one called ``logits``.

    Raises:
        InputError: there is no such tensor, or it is not of shape (1, classes).
    """
    found = parts_of(returned)
    key = "logits" if "logits" in found else next(iter(found), None)
    if key is None or (len(found) > 1 and key != "logits"):
        shown = type(returned).__name__
        if found:
            shown += f" of {len(found)} tensors"
        raise InputError(
            f"{name}: returns {shown} where logits of shape (N, classes) are needed; return them "
            "alone, or call them 'logits'"
        )
    logits = found[key]
    if logits.ndim != 2 or logits.shape[0] != 1:
        raise InputError(
            f"{name}: returns {tuple(logits.shape)} where logits of shape (N, classes) are needed"
        )
    (spec,) = LOGITS.outputs
    return Interface(
        "classification", (dataclasses.replace(spec, shape=tuple(logits.shape), key=key),)
    )
