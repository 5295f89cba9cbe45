"""Which of a network's outputs are its logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from zoo.errors import InputError

Value = TypeVar("Value")


def logits_of(outputs: Mapping[str, Value], network: str = "a classifier") -> Value:
    """The output called ``logits``, or the only one, as of artefacts made elsewhere.

    Args:
        outputs: by name.
        network: what kind of network has logits, for errors.

    Raises:
        InputError: there are several, none of that name.
    """
    if "logits" in outputs:
        return outputs["logits"]
    if len(outputs) == 1:
        return next(iter(outputs.values()))
    raise InputError(
        f"has the outputs {', '.join(outputs)}, none of them 'logits'; give an artefact of "
        f"{network}"
    )
