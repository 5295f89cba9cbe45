"""The images of a deployment: opening, identifying and reading them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fbdeploy.pipeline.keys import data_identity, key_of
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.steps.opening import worker_threads
from fbdeploy.records.manifest import DatasetInfo
from zoo.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from export.format_info import OutputForm
    from zoo.datasets import Batch, Dataset, Part
    from zoo.input_spec import InputSpec
    from zoo.networks import Network

BATCH = 32
OUTPUT_BYTES = 64_000_000
"""Of the outputs of a batch, so that those of large maps are few."""
Count = Callable[[int], None]
"""Is told how many images were just read."""


def evaluation_images(request: DeployRequest, network: Network) -> Dataset:
    """The images that artefacts are scored on, with what answers are held against.

    Raises:
        InputError: they cannot be had, or are not for this network.
    """
    assert request.data is not None, "nothing is scored"
    return _scored(request, network, request.data)


def check_images(request: DeployRequest, network: Network) -> Dataset:
    """The images that artefacts are held against their reference on; raises as
    ``evaluation_images``."""
    if request.data is not None:
        return _scored(request, network, request.data)
    return _pictures(request, network, request.check_images)


def calibration_images(
    request: DeployRequest, network: Network, *, labelled: bool = False
) -> Dataset:
    """The images that int8 is calibrated and trained on; raises as ``evaluation_images``."""
    assert request.calibration is not None, "nothing is calibrated"
    if labelled:
        return _scored(request, network, request.calibration)
    return _pictures(request, network, request.calibration)


def _pictures(request: DeployRequest, network: Network, source: str) -> Dataset:
    from zoo.datasets import open_pictures

    return open_pictures(network.task, source, skip_bad_images=request.skip_bad_images)


def _scored(request: DeployRequest, network: Network, source: str) -> Dataset:
    from zoo.datasets import open_scored

    return open_scored(
        network.task,
        source,
        num_classes=network.num_classes,
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
    from zoo.datasets.contents import embedded_content

    images = available if limit is None else min(available, limit)
    embedded = embedded_content(name)
    if embedded is not None:
        identity = embedded[:32]
    else:
        identity = request.identities.get(name) or data_identity(Path(name))
    return DatasetInfo(name=name, images=images, identity=key_of(of=identity, images=images))


def evaluation_batches(
    request: DeployRequest,
    network: Network,
    dataset: Dataset,
    part: Part | None = None,
    output: OutputForm = "raw",
) -> Iterator[Batch]:
    """As many of the images as the user asked for, or a part of them, for an artefact that gives
    ``output``."""
    from zoo.datasets import WHOLE, batches

    spec = network.input_spec
    size = at_once(answer_bytes(output, network.interface.image_bytes, network.num_classes, spec))
    threads = worker_threads()
    return batches(dataset, spec, size, request.images, threads=threads, part=part or WHOLE)


def answer_bytes(output: OutputForm, raw: int, classes: int, spec: InputSpec) -> int:
    """Of the answer to one image of an artefact that gives ``output``: ``raw`` bytes, or a number a
    class at each pixel of the input, which classes are made to as well."""
    return raw if output == "raw" else 4 * classes * spec.height * spec.width


def at_once(image_bytes: int) -> int:
    """How many images of so many bytes of outputs are run together."""
    return max(1, min(BATCH, OUTPUT_BYTES // max(1, image_bytes)))


def read_images(
    dataset: Dataset, network: Network, limit: int | None, threads: int, read: Count
) -> NDArray[np.float32]:
    """At most ``limit`` images, spread evenly, pre-processed: float32 (N, 3, H, W).

    ``read`` is told the number of images after each batch.
    """
    import numpy as np

    batches = _read(dataset, network, limit, threads, read)
    return np.concatenate([batch.images for batch in batches])


def read_labelled(
    dataset: Dataset, network: Network, limit: int | None, threads: int, read: Count
) -> tuple[NDArray[np.float32], NDArray[np.integer[Any]]]:
    """:func:`read_images` and what is known of them: classes int64 (N,), -1 where there are none,
    or those of pixels, uint8 (N, H, W).

    Raises:
        InputError: it is neither, so that no one trains with it.
    """
    import numpy as np

    from zoo.datasets.class_map import ClassMap

    parts, labels = [], []
    for batch in _read(dataset, network, limit, threads, read):
        targets = batch.targets
        if not isinstance(targets, np.ndarray):
            if not all(isinstance(target, ClassMap) for target in targets):
                raise InputError(
                    f"{dataset.name}: training does not learn from labels for {network.task}; set "
                    "qat.label_weight to 0, which learns from the float network alone"
                )
            targets = np.stack([target.pixels() for target in targets])
        parts.append(batch.images)
        labels.append(targets)
    return np.concatenate(parts), np.concatenate(labels)


def _read(
    dataset: Dataset, network: Network, limit: int | None, threads: int, read: Count
) -> Iterator[Batch]:
    """Batches of at most ``limit`` images, spread evenly; ``read`` is told how many each holds."""
    from zoo.datasets import batches

    for batch in batches(dataset, network.input_spec, BATCH, limit, threads=threads):
        yield batch
        read(len(batch.images))


def counter(tell: Callable[[str, float], None], step: str, total: int) -> Count:
    """Turns counts of images into parts of ``total``, which ``tell`` is told with the step."""
    done = 0

    def count(images: int) -> None:
        nonlocal done
        done += images
        tell(step, done / max(1, total))

    return count


def note_skipped(skipped: Collection[str], note: Callable[[str], None], kind: str = "") -> None:
    """Tell the user which images, by name, could not be read and were left out."""
    if skipped:
        note(f"{len(skipped)} unreadable {kind}images are left out: {', '.join(skipped)}")
