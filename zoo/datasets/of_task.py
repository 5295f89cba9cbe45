"""Opens the data of a task: what is scored on, and pictures alone for calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from zoo.datasets.detection.samples import find_reader, open_detections
from zoo.datasets.masks import IMAGES, MASKS, open_masks
from zoo.datasets.opening import open_dataset
from zoo.datasets.samples import Dataset
from zoo.errors import InputError
from zoo.files import is_folder
from zoo.outputs import TaskName
from zoo.scenes import SCENE_SPLITS


class Opener(Protocol):
    """Opens data with what answers are held against, by folder or embedded name."""

    def __call__(
        self,
        name_or_path: str | Path,
        *,
        num_classes: int | None = None,
        network_labels: tuple[str, ...] = (),
        skip_bad_images: bool = False,
    ) -> Dataset:
        """See ``open_scored``."""


OPENERS: dict[TaskName, Opener] = {
    "classification": open_dataset,
    "segmentation": open_masks,
    "detection": open_detections,
}


def open_scored(
    task: TaskName,
    name_or_path: str | Path,
    *,
    num_classes: int | None = None,
    network_labels: tuple[str, ...] = (),
    skip_bad_images: bool = False,
) -> Dataset:
    """The images that a network for ``task`` is scored on, with what its answers are held against.

    Args:
        task: what the network is for.
        name_or_path: a folder or an embedded set's name, as the task's reader has it.
        num_classes: the network's.
        network_labels: its class names, by which the data's are matched.
        skip_bad_images: leave undecodable images out instead of raising.

    Raises:
        InputError: there are no such data, or they are not for this network or task.
    """
    if task not in OPENERS:
        raise InputError(f"{name_or_path}: this version reads no data for {task}")
    return OPENERS[task](
        name_or_path,
        num_classes=num_classes,
        network_labels=network_labels,
        skip_bad_images=skip_bad_images,
    )


def open_pictures(
    task: TaskName, name_or_path: str | Path, *, skip_bad_images: bool = False
) -> Dataset:
    """Images alone, as calibration takes them; the data of any task that has some will do.

    Raises:
        InputError: there are none, or they cannot be read.
    """
    root = Path(name_or_path)
    if str(name_or_path) in SCENE_SPLITS and not root.exists():
        return open_masks(name_or_path)
    if task == "detection" and find_reader(root) is not None:
        return open_detections(root, skip_bad_images=skip_bad_images)
    if task == "segmentation" and is_folder(root / IMAGES) and is_folder(root / MASKS):
        root = root / IMAGES
    return open_dataset(root, labelled=False, skip_bad_images=skip_bad_images)
