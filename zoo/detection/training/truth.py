"""What there is to find on a picture, as training takes it."""

from __future__ import annotations

from dataclasses import dataclass

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

    def __len__(self) -> int:
        """How many objects."""
        return len(self.labels)
