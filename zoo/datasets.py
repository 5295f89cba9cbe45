"""Images with labels, from a folder or embedded, and the batches a network eats.

A dataset is one of

* an ImageFolder: ``DIR/<class>/<image>``. A class is its place among the sorted folder names, as
  in torchvision, unless every folder name is an integer (then that integer), one of the network's
  labels (then its index), or, for a 1000-class network, an ImageNet id such as ``n01440764``;
* a folder with ``labels.csv``: columns ``image`` (relative path) and ``label`` (integer class
  index); further columns are ignored;
* a flat folder of images, where labels are not asked for (calibration);
* the name of an embedded dataset (``zoo.embedded``).
"""

from __future__ import annotations

import csv
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.embedded import EMBEDDED_DATASETS, read_images
from zoo.errors import InputError
from zoo.imagenet import wordnet_ids
from zoo.input_spec import InputSpec
from zoo.preprocess import preprocess

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp"}
)
DECODING_THREADS = 4

Batch = tuple[NDArray[np.float32], NDArray[np.int64], tuple[str, ...]]


class BadImageError(InputError):
    """An image that cannot be decoded; ``name`` and ``reason`` say which and why."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(
            f"{name}: cannot be read as an image ({reason}); "
            "replace it, or leave such images out with --skip-bad-images"
        )


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
class _Entry:
    path: Path
    label: int | None
    name: str


class _Samples:
    """What every dataset shares: ``__iter__`` and the record of skipped images."""

    def __init__(self, name: str, skip_bad_images: bool) -> None:
        self.name = name
        self.skip_bad_images = skip_bad_images
        self.skipped: dict[str, str] = {}

    def __len__(self) -> int:
        raise NotImplementedError

    def sample(self, index: int) -> Sample:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Sample]:
        for index in range(len(self)):
            try:
                yield self.sample(index)
            except BadImageError as error:
                if not self.skip_bad_images:
                    raise
                self.skipped[error.name] = error.reason


class FolderDataset(_Samples):
    """Images of a folder, decoded when asked for."""

    def __init__(
        self,
        name: str,
        entries: Sequence[_Entry],
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
        try:
            with Image.open(entry.path) as image:
                return Sample(image.convert("RGB"), entry.label, entry.name)
        except (
            OSError,
            ValueError,
            SyntaxError,
            EOFError,
            struct.error,
            Image.DecompressionBombError,
        ) as error:
            reason = "not an image" if "cannot identify" in str(error) else _line(error)
            raise BadImageError(str(entry.path), reason) from error


class ArrayDataset(_Samples):
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


def open_dataset(
    name_or_path: str | Path,
    *,
    labelled: bool = True,
    num_classes: int | None = None,
    network_labels: tuple[str, ...] = (),
    skip_bad_images: bool = False,
) -> Dataset:
    """Open a dataset by embedded name or path; the module docstring lists the forms.

    Args:
        name_or_path: ``fashion-mnist``, ``fashion-mnist-calibration``, or a folder.
        labelled: False for calibration: labels are neither needed nor read.
        num_classes: labels must lie in 0..num_classes-1 where given.
        network_labels: the network's class names, by which class folders are matched.
        skip_bad_images: leave undecodable images out (``skipped`` names them) instead of raising.

    Raises:
        InputError: no such folder or name, an empty or unreadable folder, missing or duplicate
            files, labels outside the classes.
    """
    name = str(name_or_path)
    if name in EMBEDDED_DATASETS and not Path(name).exists():
        split = read_images(name)
        if labelled:
            _check_labels(name, {"an image": int(split.labels.max())}, num_classes)
        return ArrayDataset(name, split.images, split.labels, split.names)
    root = Path(name_or_path)
    if not root.exists():
        known = ", ".join(EMBEDDED_DATASETS)
        raise InputError(f"{name}: no such folder; give a folder of images or one of {known}")
    if not root.is_dir():
        raise InputError(f"{name}: is a file; give the folder that holds the images")
    labels: tuple[str, ...] = ()
    try:
        if (root / "labels.csv").exists():
            entries = _read_labels_csv(root, labelled)
        else:
            entries, labels = _read_image_folder(root, labelled, num_classes, network_labels)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{name}: cannot be read ({reason}); check its permissions") from error
    if not entries:
        raise InputError(f"{name}: holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    if labelled:
        _check_labels(name, {e.name: e.label for e in entries if e.label is not None}, num_classes)
    return FolderDataset(name, entries, labels, skip_bad_images=skip_bad_images)


def batches(
    dataset: Dataset,
    spec: InputSpec,
    batch_size: int = 32,
    limit: int | None = None,
    *,
    threads: int = DECODING_THREADS,
) -> Iterator[Batch]:
    """Preprocessed batches in dataset order, decoded ahead in ``threads`` threads.

    ``limit`` takes that many images spread evenly over the dataset, since folders are sorted by
    class. The last batch may be smaller; unlabelled images have label -1.

    Yields:
        float32 (N, 3, height, width), int64 (N,), the N names.

    Raises:
        InputError: undecodable images, unless the dataset skips them (then the rest is yielded,
            and an InputError says so where nothing is left).
    """
    indices = spread(len(dataset), limit)
    pending: deque[Future[tuple[NDArray[np.float32], int, str]]] = deque()
    ready: list[tuple[NDArray[np.float32], int, str]] = []
    found = False

    def decode(index: int) -> tuple[NDArray[np.float32], int, str]:
        sample = dataset.sample(index)
        return preprocess(sample.image, spec), _number(sample.label), sample.name

    with ThreadPoolExecutor(max_workers=threads) as pool:
        upcoming = iter(indices)
        try:
            for _ in indices:
                while len(pending) < batch_size + threads:
                    index = next(upcoming, None)
                    if index is None:
                        break
                    pending.append(pool.submit(decode, index))
                try:
                    ready.append(pending.popleft().result())
                    found = True
                except BadImageError as error:
                    if not dataset.skip_bad_images:
                        raise _count_bad(dataset, indices, pool, error) from error
                    dataset.skipped[error.name] = error.reason
                if len(ready) == batch_size:
                    yield _stack(ready)
                    ready = []
            if ready:
                yield _stack(ready)
        finally:
            for future in pending:
                future.cancel()
    if not found:
        raise InputError(f"{dataset.name}: none of its images can be read; check the folder")


def spread(count: int, limit: int | None) -> list[int]:
    """``limit`` indices spread evenly over ``count`` (all of them where limit is None or more)."""
    if limit is None or limit >= count:
        return list(range(count))
    if limit < 1:
        raise InputError(f"{limit} images: ask for at least one, or for all")
    return [number * count // limit for number in range(limit)]


def _stack(items: list[tuple[NDArray[np.float32], int, str]]) -> Batch:
    images, labels, names = zip(*items, strict=True)
    return np.stack(images), np.array(labels, np.int64), tuple(names)


def _number(label: int | None) -> int:
    return -1 if label is None else label


def _count_bad(
    dataset: Dataset, indices: list[int], pool: ThreadPoolExecutor, first: BadImageError
) -> InputError:
    def bad(index: int) -> bool:
        try:
            dataset.sample(index)
        except BadImageError:
            return True
        return False

    count = sum(pool.map(bad, indices))
    if count < 2:
        return first
    return InputError(
        f"{first.name}: cannot be read as an image ({first.reason}), one of {count} such in "
        f"{dataset.name}; replace them, or leave them out with --skip-bad-images"
    )


def _check_labels(name: str, labels: dict[str, int], num_classes: int | None) -> None:
    for image, label in labels.items():
        if label < 0 or (num_classes is not None and label >= num_classes):
            top = "" if num_classes is None else f"..{num_classes - 1}"
            raise InputError(
                f"{name}: {image} has label {label}, outside the network's classes 0{top}; "
                "labels are class indices from 0"
            )


def _read_labels_csv(root: Path, labelled: bool) -> list[_Entry]:
    source = root / "labels.csv"
    try:
        with source.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            wanted = ("image", "label") if labelled else ("image",)
            for column in wanted:
                if column not in (reader.fieldnames or ()):
                    raise InputError(
                        f"{source}: has no column '{column}'; the first line is 'image,label'"
                    )
            rows = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{source}: is not a UTF-8 CSV file ({_line(error)})") from error
    entries: list[_Entry] = []
    seen: set[str] = set()
    for line, row in rows:
        image = (row["image"] or "").strip()
        if not image:
            raise InputError(f"{source}: line {line} names no image")
        if image in seen:
            raise InputError(f"{source}: line {line} repeats {image}; list an image once")
        seen.add(image)
        path = root / image
        if not path.is_file():
            raise InputError(f"{source}: line {line} names {image}, which is not in {root}")
        label: int | None = None
        if labelled:
            try:
                label = int(row["label"] or "")
            except ValueError:
                raise InputError(
                    f"{source}: line {line} has label '{row['label'] or ''}'; "
                    "labels are integer class indices"
                ) from None
        entries.append(_Entry(path, label, image))
    return entries


def _read_image_folder(
    root: Path, labelled: bool, num_classes: int | None, network_labels: tuple[str, ...]
) -> tuple[list[_Entry], tuple[str, ...]]:
    if not labelled:
        images = _images(root, "**/*")
        return [_Entry(path, None, path.relative_to(root).as_posix()) for path in images], ()
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not folders and _images(root, "*"):
        raise InputError(
            f"{root}: holds images without labels; add labels.csv (image,label) or one folder "
            "a class"
        )
    images_of = {folder: _images(folder, "**/*") for folder in folders}
    empty = [folder.name for folder in folders if not images_of[folder]]
    if folders and empty and len(empty) < len(folders):
        raise InputError(f"{root}: class folder {empty[0]} holds no images; fill or remove it")
    classes = _class_indices([folder.name for folder in folders], num_classes, network_labels)
    entries = [
        _Entry(path, classes[folder.name], path.relative_to(root).as_posix())
        for folder, images in images_of.items()
        for path in images
    ]
    ordered = tuple(folder.name for folder in folders)
    plain = [classes[name] for name in ordered] == list(range(len(ordered)))
    return entries, ordered if plain else ()


def _class_indices(
    names: list[str], num_classes: int | None, network_labels: tuple[str, ...]
) -> dict[str, int]:
    if all(name.isdecimal() for name in names):
        return {name: int(name) for name in names}
    if network_labels and set(names) <= set(network_labels):
        return {name: network_labels.index(name) for name in names}
    if num_classes == 1000:
        ids = wordnet_ids()
        if set(names) <= ids.keys():
            return {name: ids[name] for name in names}
    return {name: index for index, name in enumerate(names)}


def _images(folder: Path, pattern: str) -> list[Path]:
    return sorted(
        path
        for path in folder.glob(pattern)
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
