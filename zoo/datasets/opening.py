"""Opens a dataset by its embedded name or its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zoo.dataset_names import EMBEDDED_DATASETS, RANDOM_IMAGES
from zoo.datasets.image_folder import read_image_folder
from zoo.datasets.labels_csv import LABELS_CSV, read_labels_csv
from zoo.datasets.random_images import RandomImages
from zoo.datasets.samples import ArrayDataset, Dataset, FolderDataset
from zoo.embedded import read_images
from zoo.errors import InputError, reason_of, shown
from zoo.images import IMAGE_SUFFIXES


def open_dataset(
    name_or_path: str | Path,
    *,
    labelled: bool = True,
    num_classes: int | None = None,
    network_labels: tuple[str, ...] = (),
    skip_bad_images: bool = False,
) -> Dataset:
    """Open a dataset by embedded name or path; ``zoo.datasets`` lists the forms.

    Args:
        name_or_path: ``fashion-mnist``, ``fashion-mnist-calibration``, ``random-images`` (not
            labelled), or a folder.
        labelled: False for calibration: labels are neither needed nor read.
        num_classes: labels must lie in 0..num_classes-1 where given.
        network_labels: the network's class names, by which class folders and names in labels.csv
            are matched.
        skip_bad_images: leave undecodable images out (``skipped`` names them) instead of raising.

    Raises:
        InputError: no such folder or name, an empty or unreadable folder, missing or duplicate
            files, labels outside the classes, classes that are none of the network's.
    """
    name = str(name_or_path)
    if name == RANDOM_IMAGES:
        if labelled:
            raise InputError(
                f"{name}: have no labels to be scored; give a folder of labelled images"
            )
        return RandomImages()
    if name in EMBEDDED_DATASETS and not Path(name).exists():
        split = read_images(name)
        if labelled:
            _check_labels(name, {"an image": int(split.labels.max())}, num_classes)
        return ArrayDataset(name, split.images, split.labels, split.names)
    root = Path(name_or_path)
    labels: tuple[str, ...] = ()
    try:
        _check_folder(root)
        if (root / LABELS_CSV).exists():
            entries = read_labels_csv(root, labelled, network_labels)
        else:
            entries, labels = read_image_folder(root, labelled, num_classes, network_labels)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{name}: cannot be read ({reason_of(error)}); check its permissions"
        ) from error
    if not entries:
        raise InputError(f"{name}: holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    if labelled:
        _check_labels(name, {e.name: e.label for e in entries if e.label is not None}, num_classes)
    return FolderDataset(name, entries, labels, skip_bad_images=skip_bad_images)


def _check_folder(root: Path) -> None:
    if not root.exists():
        known = ", ".join(EMBEDDED_DATASETS)
        raise InputError(f"{root}: no such folder; give a folder of images or one of {known}")
    if not root.is_dir():
        raise InputError(f"{root}: is a file; give the folder that holds the images")


def _check_labels(name: str, labels: Mapping[str, int], num_classes: int | None) -> None:
    for image, label in labels.items():
        if label < 0 or (num_classes is not None and label >= num_classes):
            top = "" if num_classes is None else f"..{num_classes - 1}"
            raise InputError(
                f"{name}: {shown(image)} has label {label}, outside the network's classes 0{top}; "
                "labels are class indices from 0"
            )
