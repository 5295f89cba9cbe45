"""The images of a deployment: opening, identifying and reading them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.pipeline.keys import folder_identity, key_of
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.steps.opening import worker_threads
from fbdeploy.records.manifest import DatasetInfo
from zoo.dataset_names import EMBEDDED_DATASETS, RANDOM_IMAGES
from zoo.files import sha256_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.datasets import Dataset
    from zoo.networks import Network

BATCH = 32
Count = Callable[[int], None]
"""Is told how many images were just read."""


def evaluation_images(request: DeployRequest, network: Network) -> Dataset:
    """The labelled images that artefacts are scored on.

    Raises:
        InputError: they cannot be had, or are not for this network.
    """
    assert request.data is not None, "nothing is scored"
    return _open(request, network, request.data, labelled=True)


def check_images(request: DeployRequest, network: Network) -> Dataset:
    """The images that artefacts are held against their reference on; raises as
    ``evaluation_images``."""
    return _open(request, network, request.check_images, labelled=request.data is not None)


def calibration_images(
    request: DeployRequest, network: Network, *, labelled: bool = False
) -> Dataset:
    """The images that int8 is calibrated and trained on; raises as ``evaluation_images``."""
    assert request.calibration is not None, "nothing is calibrated"
    return _open(request, network, request.calibration, labelled=labelled)


def _open(request: DeployRequest, network: Network, source: str, *, labelled: bool) -> Dataset:
    from zoo.datasets import open_dataset

    return open_dataset(
        source,
        labelled=labelled,
        num_classes=network.num_classes if labelled else None,
        network_labels=network.labels,
        skip_bad_images=request.skip_bad_images,
    )


def calibration_info(request: DeployRequest, dataset: Dataset, limit: int) -> DatasetInfo:
    """What identifies at most ``limit`` of the calibration images."""
    assert request.calibration is not None, "nothing is calibrated"
    return dataset_info(request, request.calibration, len(dataset), limit)


def dataset_info(
    request: DeployRequest, name: str, available: int, limit: int | None
) -> DatasetInfo:
    """What identifies at most ``limit`` of the ``available`` images of a dataset."""
    from zoo.datasets.random_images import IDENTITY
    from zoo.embedded import embedded_file

    images = available if limit is None else min(available, limit)
    if name == RANDOM_IMAGES:
        identity = IDENTITY
    elif name in EMBEDDED_DATASETS and not Path(name).exists():
        identity = sha256_of(embedded_file(f"{name}.npz"))[:32]
    else:
        identity = request.identities.get(name) or folder_identity(Path(name))
    return DatasetInfo(name=name, images=images, identity=key_of(of=identity, images=images))


def evaluation_batches(
    request: DeployRequest, network: Network, dataset: Dataset
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64], tuple[str, ...]]]:
    """As many of the images as the user asked for: batches as of ``zoo.datasets.batches``."""
    from zoo.datasets import batches

    spec = network.input_spec
    return batches(dataset, spec, BATCH, request.images, threads=worker_threads())


def read_images(
    dataset: Dataset, network: Network, limit: int | None, threads: int, read: Count
) -> NDArray[np.float32]:
    """At most ``limit`` images, spread evenly, pre-processed: float32 (N, 3, H, W).

    ``read`` is told the number of images after each batch.
    """
    return read_labelled(dataset, network, limit, threads, read)[0]


def read_labelled(
    dataset: Dataset, network: Network, limit: int | None, threads: int, read: Count
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """:func:`read_images` and their labels, int64 (N,), -1 where there are none."""
    import numpy as np

    from zoo.datasets import batches

    parts, labels = [], []
    for images, found, _ in batches(dataset, network.input_spec, BATCH, limit, threads=threads):
        parts.append(images)
        labels.append(found)
        read(len(images))
    return np.concatenate(parts), np.concatenate(labels)


def counter(tell: Callable[[str, float], None], step: str, total: int) -> Count:
    """Turns counts of images into parts of ``total``, which ``tell`` is told with the step."""
    done = 0

    def count(images: int) -> None:
        nonlocal done
        done += images
        tell(step, done / max(1, total))

    return count


def note_skipped(dataset: Dataset, note: Callable[[str], None], kind: str = "") -> None:
    """Tell the user which images could not be read and were left out."""
    if dataset.skipped:
        names = ", ".join(dataset.skipped)
        what = f"unreadable {kind}images"
        note(f"{len(dataset.skipped)} {what} are left out: {names}")
