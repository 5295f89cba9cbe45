"""``OUT/predictions/``: what each artefact answered on every image, so that runs can be paired.

One compressed ``.npz`` an evaluation, named by its key; docs/results.md describes the arrays.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo.files import atomic_path, sha256_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = "predictions"
SUFFIX = ".npz"


@dataclass(frozen=True)
class Predictions:
    """The top-1 answers of an artefact and of the float network on the same images.

    Attributes:
        images_sha256: identity of the images, by name and contents, in their order.
        names: the images.
        labels: int32 (images,); -1 where an image has none.
        top1: int32 (images,), the artefact's class.
        reference: int32 (images,), the float network's class.
    """

    images_sha256: str
    names: tuple[str, ...] = field(repr=False)
    labels: NDArray[np.int32]
    top1: NDArray[np.int32]
    reference: NDArray[np.int32]


def images_sha256(data: str, names: Iterable[str]) -> str:
    """Identity of images that a dataset calls ``names``, on whatever machine they lie.

    Unlike ``DatasetInfo.identity``, which must be quick, it reads the files and leaves out when
    they were changed: a checkout in CI has new times.

    Args:
        data: the folder, or the name of an embedded dataset.
        names: paths relative to the folder, or the embedded images' names.

    Raises:
        InputError: an image cannot be read.
    """
    from zoo.embedded import EMBEDDED_DATASETS, embedded_file

    root = Path(data)
    digest = hashlib.sha256()
    if data in EMBEDDED_DATASETS and not root.exists():
        whole = sha256_of(embedded_file(f"{data}.npz"))
        parts = ((name, whole) for name in names)
    else:
        parts = ((name, _file_sha256(root / name)) for name in names)
    for name, contents in parts:
        digest.update(f"{name}\0{contents}\n".encode())
    return digest.hexdigest()


def write_predictions(output: Path, key: str, predictions: Predictions) -> str:
    """Write ``output/predictions/KEY.npz`` whole or not at all.

    Returns:
        Its path relative to ``output``, for ``EvaluationLine.predictions``.

    Raises:
        InputError: the folder cannot be written or is full.
    """
    import numpy as np

    path = output / FOLDER / f"{key}{SUFFIX}"
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            images_sha256=np.array(predictions.images_sha256),
            names=np.array(predictions.names),
            labels=predictions.labels,
            top1=predictions.top1,
            reference=predictions.reference,
        )
    return path.relative_to(output).as_posix()


def read_predictions(path: Path) -> Predictions:
    """Read what ``write_predictions`` wrote; nothing pickled is read.

    Raises:
        InputError: missing, cut off, or another kind of file.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as stored:
            found = Predictions(
                images_sha256=str(stored["images_sha256"]),
                names=tuple(str(name) for name in stored["names"]),
                labels=stored["labels"].astype(np.int32),
                top1=stored["top1"].astype(np.int32),
                reference=stored["reference"].astype(np.int32),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: holds no predictions ({type(error).__name__}); "
            "remove it and give the same deploy command again"
        ) from error
    lengths = {len(found.names), len(found.labels), len(found.top1), len(found.reference)}
    if len(lengths) != 1:
        raise InputError(f"{path}: its arrays differ in length; remove it and deploy again")
    return found


def remove_unused(output: Path, used: Iterable[str | None]) -> None:
    """Remove predictions that no evaluation names, such as those of artefacts that are gone."""
    kept = {output / path for path in used if path is not None}
    for path in (output / FOLDER).glob(f"*{SUFFIX}"):
        if path not in kept:
            path.unlink()


def _file_sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the data") from error
