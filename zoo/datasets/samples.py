"""What a dataset is: samples by index, their names, and the record of those left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.images import BadImageError, read_image


@dataclass(frozen=True)
class Sample:
    """An RGB image, its class index (None where unlabelled), and its name in the dataset."""

    image: Image.Image
    label: int | None
    name: str


class Dataset(Protocol):
    """A sized collection of samples; ``sample`` may be called from several threads."""

    @property
    def name(self) -> str:
        """The path or the embedded name it was opened by."""

    @property
    def skip_bad_images(self) -> bool:
        """Whether ``batches`` leaves undecodable images out instead of raising."""

    @property
    def skipped(self) -> dict[str, str]:
        """Images left out so far: name to reason."""

    def __len__(self) -> int:
        """The number of images, undecodable ones included."""

    def labels(self) -> tuple[str, ...]:
        """Class names by index; empty where only indices are known."""

    def sample(self, index: int) -> Sample:
        """Decode one image.

        Raises:
            BadImageError: it cannot be decoded.
        """

    def __iter__(self) -> Iterator[Sample]:
        """Every sample in order; undecodable ones raise or are left out."""


@dataclass(frozen=True)
class Entry:
    """Where an image of a folder lies, its class index (None: unlabelled), and its name."""

    path: Path
    label: int | None
    name: str


class Samples:
    """What every dataset shares: ``__iter__`` and the record of skipped images."""

    def __init__(self, name: str, skip_bad_images: bool) -> None:
        self.name = name
        self.skip_bad_images = skip_bad_images
        self.skipped: dict[str, str] = {}

    def __len__(self) -> int:
        """The number of images."""
        raise NotImplementedError

    def sample(self, index: int) -> Sample:
        """One image; see :meth:`Dataset.sample`."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Sample]:
        for index in range(len(self)):
            try:
                yield self.sample(index)
            except BadImageError as error:
                if not self.skip_bad_images:
                    raise
                self.skipped[error.name] = error.reason


class FolderDataset(Samples):
    """Images of a folder, decoded when asked for."""

    def __init__(
        self,
        name: str,
        entries: Sequence[Entry],
        labels: tuple[str, ...] = (),
        *,
        skip_bad_images: bool = False,
    ) -> None:
        super().__init__(name, skip_bad_images)
        self._entries = tuple(entries)
        self._labels = labels

    def __len__(self) -> int:
        """The number of images."""
        return len(self._entries)

    def labels(self) -> tuple[str, ...]:
        """Class names by index; empty where only indices are known."""
        return self._labels

    def sample(self, index: int) -> Sample:
        """Decode image ``index``; raises BadImageError where that fails."""
        entry = self._entries[index]
        return Sample(read_image(entry.path), entry.label, entry.name)


class ArrayDataset(Samples):
    """Grey images held in memory: uint8 (N, H, W) and integer labels (N,)."""

    def __init__(
        self,
        name: str,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        names: tuple[str, ...],
    ) -> None:
        super().__init__(name, skip_bad_images=False)
        self._images, self._targets, self._labels = images, labels, names

    def __len__(self) -> int:
        """The number of images."""
        return len(self._images)

    def labels(self) -> tuple[str, ...]:
        """Class names by index."""
        return self._labels

    def sample(self, index: int) -> Sample:
        """Image ``index`` as RGB."""
        image = Image.fromarray(self._images[index]).convert("RGB")
        return Sample(image, int(self._targets[index]), f"{self.name}/{index:05d}")
