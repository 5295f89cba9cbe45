"""What data are made of, by content: files, and the embedded sets."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from zoo.dataset_names import (
    EMBEDDED_DATASETS,
    EMBEDDED_SETS,
    RANDOM_IMAGES,
    RANDOM_IMAGES_VERSION,
)
from zoo.embedded import embedded_file
from zoo.errors import InputError
from zoo.files import sha256_of
from zoo.scenes import open_scenes


def embedded_content(name: str) -> str | None:
    """SHA-256 of an embedded set by its name; None if the name is none of them, or a path's."""
    if name == RANDOM_IMAGES:
        return hashlib.sha256(RANDOM_IMAGES_VERSION.encode()).hexdigest()
    return None if name not in EMBEDDED_SETS or Path(name).exists() else _content(name)


@cache
def _content(name: str) -> str:
    if name in EMBEDDED_DATASETS:
        return sha256_of(embedded_file(f"{name}.npz"))
    # All scenes of a split are made of its pictures by one rule, which the first one shows.
    split = open_scenes(name)
    first = split.scene(0)
    digest = hashlib.sha256(f"{name} {len(split)}".encode())
    for part in (split.pictures.images, first.pixels, first.instances):
        digest.update(part.tobytes())
    return digest.hexdigest()


def content_of_file(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return sha256_of(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the data") from error
