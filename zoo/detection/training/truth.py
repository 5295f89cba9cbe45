"""What there is to find on a picture, as training takes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Truth:
    """The objects of one picture, in pixels of the network's input.

    ``boxes`` float (G, 4) with sides above 0, ``labels`` int64 (G,) from 0, ``masks`` bool
    (G, height, width) of the input, None where they are not known.
    """

    boxes: Tensor
    labels: Tensor
    masks: Tensor | None = None

    def to(self, device: torch.device) -> Truth:
        """The same on a device."""
        masks = None if self.masks is None else self.masks.to(device)
        return Truth(self.boxes.to(device), self.labels.to(device), masks)

    def __len__(self) -> int:
        """How many objects."""
        return len(self.labels)
