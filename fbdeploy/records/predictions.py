"""``OUT/predictions/``: what each artefact answered on every image, so that runs can be paired.

One compressed ``.npz`` an evaluation, named by its key; docs/results.md describes the arrays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import InputError
from zoo.files import atomic_file, sha256_of
from zoo.input_spec import MOST_CLASSES

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
        digest.update(f"{name}\0{contents}\n".encode(errors="surrogateescape"))
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
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
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
    from zoo.arrays import read_arrays

    advice = "remove it and give the same deploy command again"
    names = ("images_sha256", "names", "labels", "top1", "reference")
    stored = read_arrays(path, names, "predictions", advice)
    images, count = stored["images_sha256"], stored["names"].size
    if images.ndim or images.dtype.kind != "U" or stored["names"].dtype.kind != "U":
        raise InputError(f"{path}: holds no predictions; {advice}")
    return Predictions(
        images_sha256=str(images),
        names=tuple(str(name) for name in stored["names"].ravel()),
        labels=_classes(stored["labels"], count, -1, path, advice),
        top1=_classes(stored["top1"], count, 0, path, advice),
        reference=_classes(stored["reference"], count, 0, path, advice),
    )


def _classes(
    stored: NDArray[Any], count: int, smallest: int, path: Path, advice: str
) -> NDArray[np.int32]:
    """Class indices of ``count`` images, as int32."""
    import numpy as np

    if stored.shape != (count,) or stored.dtype.kind not in "iu":
        raise InputError(f"{path}: its arrays differ in length or kind; {advice}")
    if count and not smallest <= stored.min() <= stored.max() < MOST_CLASSES:
        raise InputError(f"{path}: holds numbers that are no classes; {advice}")
    return stored.astype(np.int32)


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
