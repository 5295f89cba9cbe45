"""Training batches that depend on seed and step alone, so that training can resume."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: Seeds of one step or epoch keep away from those of the next run's.
STRIDE = 1_000_003


@dataclass(frozen=True)
class TrainingImages:
    """Pre-processed float32 ``images`` (N, 3, H, W) and, with labels, ``labels``: int64 (N,), or
    uint8 (N, H, W), the classes of pixels.

    ``flip`` mirrors half of them, ``shift`` moves each by up to that many pixels along both axes,
    its edge repeated; classes of pixels go with them.
    """

    images: Tensor
    labels: Tensor | None = None
    flip: bool = False
    shift: int = 0
    seed: int = 0

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor | None]:
        """The images (size, 3, H, W), in channels_last, and labels (size, ...) of ``step``, from 0;
        every epoch in another order."""
        count = len(self.images)
        places = torch.arange(step * size, (step + 1) * size)
        orders = {
            epoch: self._order(epoch)
            for epoch in range(int(places[0]) // count, int(places[-1]) // count + 1)
        }
        index = torch.stack([orders[int(p) // count][int(p) % count] for p in places])
        taken = self._augment(self.images[index], step)
        labels = None if self.labels is None else self.labels[index]
        if labels is not None and labels.ndim == 3:
            labels = self._augment(labels[:, None], step)[:, 0]
        return taken.contiguous(memory_format=torch.channels_last), labels

    def _order(self, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed * STRIDE + epoch)
        return torch.randperm(len(self.images), generator=generator)

    def _augment(self, images: Tensor, step: int) -> Tensor:
        if not (self.flip or self.shift):
            return images
        generator = torch.Generator().manual_seed((self.seed + 1) * STRIDE**2 + step)
        if self.flip:
            mirrored = torch.rand(len(images), generator=generator) < 0.5
            images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        if self.shift:
            reach, (height, width) = self.shift, images.shape[2:]
            rows = torch.arange(-reach, height + reach).clamp(0, height - 1)
            columns = torch.arange(-reach, width + reach).clamp(0, width - 1)
            padded = images[:, :, rows[:, None], columns]
            corners = torch.randint(0, 2 * reach + 1, (len(images), 2), generator=generator)
            images = torch.stack(
                [
                    image[:, y : y + height, x : x + width]
                    for image, (y, x) in zip(padded, corners.tolist(), strict=True)
                ]
            )
        return images
