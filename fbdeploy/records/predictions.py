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
from zoo.files import atomic_file
from zoo.input_spec import MOST_CLASSES
from zoo.outputs import TaskName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.datasets import Dataset

FOLDER = "predictions"
SUFFIX = ".npz"


@dataclass(frozen=True)
class Shown:
    """Some of the images, by their ``indices`` int32 (K,), small: ``pixels`` uint8 (K, h, w, 3).

    They are as the network was shown them, or with ``sizes`` int32 (K, 2), the pictures' widths and
    heights, the whole picture: in the left upper corner, its longer side w pixels unless it is
    shorter.
    """

    indices: NDArray[np.int32]
    pixels: NDArray[np.uint8]
    sizes: NDArray[np.int32] | None = None


def shown_size(width: int, height: int, longest: int) -> tuple[int, int]:
    """Width and height of a whole picture as it is shown."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(scale * width)), max(1, round(scale * height))


@dataclass(frozen=True)
class Predictions:
    """What an artefact and the float network predicted on the same images.

    Attributes:
        images_sha256: identity of the images, by name and contents, in their order.
        names: the images.
        task: says what a prediction is.
        predictions: the artefact's, one an image.
        reference: the float network's.
        labels: int32 (images,), classes, -1 where an image has none; empty where the task's targets
            are no classes.
        parts: by metric, what each image contributes to the artefact's value of it, float64
            (images, parts); see ``tasks.base.Evaluation``.
        shown: pictures for the report; None where answers cannot be drawn over them.
    """

    images_sha256: str
    names: tuple[str, ...] = field(repr=False)
    task: TaskName
    predictions: list[Any] = field(repr=False)
    reference: list[Any] = field(repr=False)
    labels: NDArray[np.int32] = field(repr=False)
    parts: dict[str, NDArray[np.float64]] = field(repr=False)
    shown: Shown | None = field(repr=False, default=None)


def images_sha256(dataset: Dataset, names: Iterable[str]) -> str:
    """Identity of images that a dataset calls ``names``, on whatever machine they lie.

    Unlike ``DatasetInfo.identity``, which must be quick, it reads the files and leaves out when
    they were changed: a checkout in CI has new times.

    Args:
        dataset: which has them.
        names: of its samples.

    Raises:
        InputError: an image cannot be read.
    """
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name}\0{dataset.content(name)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def write_predictions(output: Path, key: str, predictions: Predictions) -> str:
    """Write ``output/predictions/KEY.npz`` whole or not at all.

    Returns:
        Its path relative to ``output``, for ``EvaluationLine.predictions``.

    Raises:
        InputError: the folder cannot be written or is full.
    """
    import numpy as np

    from tasks.table import task_named

    task = task_named(predictions.task)
    arrays: dict[str, Any] = {
        f"{side}.{name}": array
        for side, own in (("artefact", predictions.predictions), ("float", predictions.reference))
        for name, array in task.pack(own).items()
    }
    arrays |= {f"parts.{name}": array for name, array in predictions.parts.items()}
    if predictions.shown is not None:
        arrays["shown.indices"] = predictions.shown.indices
        arrays["shown.pixels"] = predictions.shown.pixels
        if predictions.shown.sizes is not None:
            arrays["shown.sizes"] = predictions.shown.sizes
    path = output / FOLDER / f"{key}{SUFFIX}"
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            task=np.array(predictions.task),
            images_sha256=np.array(predictions.images_sha256),
            names=np.array(predictions.names),
            labels=predictions.labels,
            **arrays,
        )
    return path.relative_to(output).as_posix()


def read_predictions(path: Path) -> Predictions:
    """Read what ``write_predictions`` wrote, or what version 1 of it did; nothing pickled is read.

    Raises:
        InputError: missing, cut off, or another kind of file.
    """
    from tasks.table import task_named
    from zoo.arrays import arrays_below, read_arrays

    advice = "remove it and give the same deploy command again"
    stored = read_arrays(
        path, ("images_sha256", "names", "labels"), "predictions", advice, others=True
    )
    if "task" not in stored:
        stored = _of_version_1(stored, path, advice)
    images, count = stored["images_sha256"], stored["names"].size
    if images.ndim or images.dtype.kind != "U" or stored["names"].dtype.kind != "U":
        raise InputError(f"{path}: holds no predictions; {advice}")
    task = task_named(str(stored["task"]))  # type: ignore[arg-type]
    try:
        ours, theirs = (task.unpack(arrays_below(stored, side)) for side in ("artefact", "float"))
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise InputError(f"{path}: holds no predictions ({error}); {advice}") from error
    parts = arrays_below(stored, "parts")
    sizes = {len(ours), len(theirs), *(len(array) for array in parts.values())}
    if sizes != {count} or any(p.ndim != 2 or p.dtype.kind != "f" for p in parts.values()):
        raise InputError(f"{path}: its arrays differ in length or kind; {advice}")
    labels = stored["labels"]
    return Predictions(
        images_sha256=str(images),
        names=tuple(str(name) for name in stored["names"].ravel()),
        task=task.name,
        predictions=ours,
        reference=theirs,
        labels=_classes(labels, count if labels.size else 0, -1, path, advice),
        parts=parts,
        shown=_shown(arrays_below(stored, "shown"), count, path, advice),
    )


def _shown(stored: dict[str, NDArray[Any]], count: int, path: Path, advice: str) -> Shown | None:
    if not stored:
        return None
    indices, pixels, sizes = (stored.get(name) for name in ("indices", "pixels", "sizes"))
    if (
        indices is None
        or pixels is None
        or (indices.dtype.kind, indices.shape) != ("i", pixels.shape[:1])
        or (pixels.dtype.kind, pixels.itemsize, pixels.ndim) != ("u", 1, 4)
        or pixels.shape[3] != 3
        or not all(0 <= index < count for index in indices.tolist())
        or (sizes is not None and not _are_sizes(sizes, count=len(indices)))
    ):
        raise InputError(f"{path}: its pictures are none of its images; {advice}")
    return Shown(indices, pixels, sizes)


def _are_sizes(sizes: NDArray[Any], count: int) -> bool:
    whole = sizes.dtype.kind == "i" and sizes.shape == (count, 2)
    return whole and bool(((sizes > 0) & (sizes < 2**16)).all())


def _of_version_1(
    stored: dict[str, NDArray[Any]], path: Path, advice: str
) -> dict[str, NDArray[Any]]:
    """A file that kept a classifier's first answers alone."""
    import numpy as np

    if "top1" not in stored or "reference" not in stored:
        raise InputError(f"{path}: holds no predictions; {advice}")
    count = stored["names"].size
    top1, reference = (
        _classes(stored[name], count, 0, path, advice) for name in ("top1", "reference")
    )
    labels = _classes(stored["labels"], count, -1, path, advice)
    classes = np.array(1 + max(top1.max(initial=0), reference.max(initial=0)), np.int32)
    arrays: dict[str, NDArray[Any]] = {"task": np.array("classification")}
    for side, answers in (("artefact", top1), ("float", reference)):
        arrays[f"{side}.classes"] = answers[:, None]
        arrays[f"{side}.count"] = classes
    arrays["parts.agreement"] = (top1 == reference)[:, None].astype(np.float64)
    if count and labels.min() >= 0:
        arrays["parts.top1"] = (top1 == labels)[:, None].astype(np.float64)
    kept = {key: stored[key] for key in ("images_sha256", "names", "labels")}
    return kept | arrays


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
