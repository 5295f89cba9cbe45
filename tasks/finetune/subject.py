"""What is trained, and on what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Settings:
    """How long and how fast.

    ``epochs`` through the pictures, ``batch`` at a time, at a learning rate that rises to ``rate``
    in the first twentieth of the steps and falls to nothing from their middle on (AdamW).
    ``averaging`` is the decay of the weights' exponential average, which is what is kept.
    ``held_out`` is the share of the pictures that are scored on and not trained on, unless there
    are others for that.
    """

    epochs: int = 20
    batch: int = 8
    rate: float = 3e-4
    weight_decay: float = 0.02
    averaging: float = 0.99
    held_out: float = 0.2
    seed: int = 0
    save_every: int = 50


class Subject(Protocol):
    """A network with its data. Pictures are told by their index, in training and in validation."""

    network: nn.Module
    labels: tuple[str, ...]

    def loss(self, indices: Sequence[int], random: torch.Generator) -> Tensor:
        """Of a batch of pictures, mirrored by chance."""

    def score(self, network: nn.Module, indices: Sequence[int]) -> dict[str, float]:
        """The metrics of a network on held-out pictures, 0..1."""

    def write(self, path: Path, network: nn.Module) -> None:
        """Write the weights, as ``load_network`` takes them."""
