"""A network's weights in one of other classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class ClassRows:
    """A layer whose outputs are by class: ``rows`` of each class, then ``extra`` of none, such as
    the background's."""

    layer: str
    rows: int = 1
    extra: int = 0


def shared_classes(before: Sequence[str], after: Sequence[str]) -> dict[int, int]:
    """The places of classes that both have, by their names: after to before."""
    places = {label.casefold(): place for place, label in enumerate(before)}
    return {
        place: places[label.casefold()]
        for place, label in enumerate(after)
        if label.casefold() in places
    }


@torch.no_grad()
def take_over(
    state: Mapping[str, Tensor],
    module: nn.Module,
    layers: Sequence[ClassRows] = (),
    same: Mapping[int, int] | None = None,
) -> None:
    """Copy into ``module`` what fits of a state of the same network with other classes.

    Args:
        state: of the network before, names as in ``module``.
        module: changed in place; what nothing is copied into stays.
        layers: those by class; of each, rows of the classes both have are copied, and of none.
        same: these classes, after to before.
    """
    by_class = {f"{one.layer}.{kind}": one for one in layers for kind in ("weight", "bias")}
    for name, own in module.state_dict().items():
        theirs = state.get(name)
        if theirs is None:
            continue
        one = by_class.get(name)
        if one is None:
            if theirs.shape == own.shape:
                own.copy_(theirs)
            continue
        for place, old in (same or {}).items():
            own[one.rows * place :][: one.rows] = theirs[one.rows * old :][: one.rows]
        if one.extra:
            own[-one.extra :] = theirs[-one.extra :]
