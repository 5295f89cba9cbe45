"""Reads an ImageFolder, ``DIR/<class>/<image>``, or any folder of images without their labels."""

from __future__ import annotations

from pathlib import Path

from zoo.datasets.classes import class_indices
from zoo.datasets.samples import Entry
from zoo.errors import InputError
from zoo.images import IMAGE_SUFFIXES


def read_image_folder(
    root: Path, labelled: bool, num_classes: int | None, network_labels: tuple[str, ...]
) -> tuple[list[Entry], tuple[str, ...]]:
    """The images below ``root``, and the class names where folders are numbered in their order.

    Raises:
        InputError: no class folders, an empty one, or ones that are no classes of the network.
        OSError: a folder cannot be read.
    """
    if not labelled:
        images = images_below(root)
        return [Entry(path, None, path.relative_to(root).as_posix()) for path in images], ()
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not folders and _images(root, "*"):
        raise InputError(
            f"{root}: holds images without labels; add labels.csv (image,label) or one folder "
            "a class"
        )
    images_of = {folder: images_below(folder) for folder in folders}
    empty = [folder.name for folder in folders if not images_of[folder]]
    if empty and len(empty) == len(folders):
        return [], ()
    if empty:
        raise InputError(f"{root}: class folder {empty[0]} holds no images; fill or remove it")
    names = [folder.name for folder in folders]
    classes = class_indices(str(root), names, num_classes, network_labels)
    entries = [
        Entry(path, classes[folder.name], path.relative_to(root).as_posix())
        for folder, images in images_of.items()
        for path in images
    ]
    plain = [classes[name] for name in names] == list(range(len(names)))
    return entries, tuple(names) if plain else ()


def images_below(folder: Path) -> list[Path]:
    """All images in ``folder`` and the folders in it, sorted."""
    return _images(folder, "**/*")


def _images(folder: Path, pattern: str) -> list[Path]:
    return sorted(
        path
        for path in folder.glob(pattern)
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )
