"""Names and places that a command was given, looked at before anything heavy is imported.

Whoever reads them checks them too, in a worker or later; what is found here is told at once.
"""

from __future__ import annotations

from pathlib import Path

from export.format_info import format_of, known_suffixes
from fbdeploy.records.manifest import check_output
from zoo.dataset_names import EMBEDDED_SETS, RANDOM_IMAGES
from zoo.errors import InputError
from zoo.files import exists, is_file, is_folder
from zoo.hub import hub_repository
from zoo.hub_config import hub_config
from zoo.names import resolve

PRETRAINED = "pretrained"
ANNOTATIONS_SUFFIX = ".json"
"""Of a file that tells of pictures and their objects; whether it fits a network its reader says."""


def look_at_network(network: str, weights: str | None) -> None:
    """Refuse a network that no source has, and files that are not there.

    Raises:
        InputError: the name is unknown, its file or that of the weights is missing, or the hub it
            names cannot be had.
    """
    repository = hub_repository(network)
    if repository is not None:
        # Before anything heavy, since most of those who are told of it have no internet.
        hub_config(network, repository)
    if resolve(network).source == "user":
        path = Path(network.rpartition(":")[0])
        if not is_file(path):
            raise InputError(f"{network}: no such file {path}; give FILE.py:FUNCTION")
    if weights is not None and weights != PRETRAINED and not is_file(Path(weights)):
        what = "is a folder" if is_folder(Path(weights)) else "no such weights file"
        raise InputError(f"{weights}: {what}; give a .safetensors, .pth or .pt file")


def look_at_artefact(path: Path | None) -> None:
    """Refuse an artefact that is not there, or of no known format.

    Raises:
        InputError: there is no such file, or its suffix is of no artefact format.
    """
    if path is None:
        return
    if not exists(path):
        raise InputError(f"{path}: no such artefact; check the path")
    if format_of(path) is None:
        raise InputError(
            f"{path}: its suffix is of no artefact format; give one of {known_suffixes()}"
        )


def look_at_output(folder: Path) -> None:
    """Refuse a folder that no deployment wrote.

    Raises:
        InputError: it is not there, or holds no manifest.
    """
    if not exists(folder):
        raise InputError(f"{folder}: no such folder; give one that fbdeploy deploy wrote")
    check_output(folder)


def look_at_images(given: str | None) -> None:
    """Refuse a folder of images that is not there.

    Raises:
        InputError: it is neither a folder nor a dataset's name.
    """
    if given is None or given == RANDOM_IMAGES:
        return
    path = Path(given)
    if not exists(path) and given not in EMBEDDED_SETS:
        raise InputError(
            f"{given}: no such folder; give a folder of images or one of {', '.join(EMBEDDED_SETS)}"
        )
    if exists(path) and not is_folder(path) and path.suffix.lower() != ANNOTATIONS_SUFFIX:
        raise InputError(
            f"{given}: is a file; give the folder that holds the images, or for a detector a COCO "
            f"file ({ANNOTATIONS_SUFFIX})"
        )


def look_at_shared_images(*given: str | None) -> None:
    """Refuse images that other machines would not get whole.

    Raises:
        InputError: a file that tells of pictures, which lie elsewhere.
    """
    for place in given:
        if place is not None and Path(place).suffix.lower() == ANNOTATIONS_SUFFIX:
            raise InputError(
                f"{place}: a cluster's hosts would get this file without its pictures; leave out "
                "--cluster, or give a folder"
            )
