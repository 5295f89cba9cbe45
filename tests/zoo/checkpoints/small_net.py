"""One small network, whose checkpoints are written and read."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from torch import nn

from zoo.checkpoints import Selection, State, read_states, select
from zoo.errors import InputError


def small_net(classes: int = 5) -> nn.Module:
    """Always the same."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, classes, 1))


def same_state(first: State, second: State) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def selection(path: Path, *, any_classes: bool = False) -> Selection:
    """What of a file is taken for the small network."""
    return select(
        read_states(path),
        small_net(),
        lambda state: (state, "own"),
        origin=str(path),
        network="net",
        any_classes=any_classes,
    )


def under(prefix: str, state: State) -> State:
    """``state`` as a network has it that holds its network under a name."""
    return {prefix + name: tensor for name, tensor in state.items()}


def refusal_of(path: Path) -> str:
    """The line that a file is refused with, at once."""
    start = time.monotonic()
    with pytest.raises(InputError) as error:
        selection(path)
    text = str(error.value)
    assert time.monotonic() - start < 2
    assert str(path) in text and "\n" not in text and len(text) <= 300
    return text
