"""What a dataset is: samples by index, their names, and the record of those left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.datasets.contents import content_of_file, embedded_content
from zoo.images import BadImageError, read_image
from zoo.input_spec import InputSpec
from zoo.preprocess import Frame


@dataclass(frozen=True)
class Sample:
    """An RGB image, what is known to be on it, and its name in the dataset.

    ``target`` is a class index for classification, the class of each pixel uint8 (H, W) for
    segmentation; None where unlabelled.
    """

    image: Image.Image
    target: Any
    name: str

    @property
    def label(self) -> int | None:
        """The class index; None where that is not what is known."""
        return self.target if isinstance(self.target, int) else None


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
            InputError: what is known of it cannot be read.
        """

    def __iter__(self) -> Iterator[Sample]:
        """Every sample in order; undecodable ones raise or are left out."""

    def target(self, sample: Sample, spec: InputSpec) -> tuple[Any, Frame]:
        """What answers to a sample are held against, as its task has it, where the network's input
        is ``spec``; and how the picture that this is told of lies under the input."""

    def content(self, name: str) -> str:
        """SHA-256 of what the sample of that name, target included, is read from.

        Raises:
            InputError: it cannot be read.
        """


@dataclass(frozen=True)
class Entry:
    """Where an image of a folder lies, its class index (None: unlabelled), and its name."""

    path: Path
    label: int | None
    name: str


class Samples:
    """What datasets share: ``__iter__``, the record of skipped images, class indices, and what an
    embedded set is made of."""

    def __init__(self, name: str, skip_bad_images: bool) -> None:
        self.name = name
        self.skip_bad_images = skip_bad_images
        self.skipped: dict[str, str] = {}

    def __len__(self) -> int:
        """The number of images."""
        raise NotImplementedError

    def sample(self, index: int) -> Sample:
        """See Dataset."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Sample]:
        for index in range(len(self)):
            try:
                yield self.sample(index)
            except BadImageError as error:
                if not self.skip_bad_images:
                    raise
                self.skipped[error.name] = error.reason

    def target(self, sample: Sample, spec: InputSpec) -> tuple[Any, Frame]:
        """The class index, -1 where there is none."""
        label = -1 if sample.label is None else sample.label
        return label, Frame.of(sample.image.width, sample.image.height, spec)

    def content(self, name: str) -> str:
        """See Dataset; here that of the embedded set, which is of one piece."""
        return embedded_content(self.name) or ""


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

    def content(self, name: str) -> str:
        """That of the file; labels are compared by themselves."""
        return content_of_file(Path(self.name) / name)


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
