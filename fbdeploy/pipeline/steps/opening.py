"""Opening what commands are given: the network, and images to calibrate on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from fbdeploy.pipeline.request import InputOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.datasets import Dataset
    from zoo.networks import Network

BATCH = 32


def open_network(
    name: str, weights: str | None, num_classes: int | None, given: InputOptions
) -> Network:
    """The network of that name, with its weights, and its input as the user says.

    Raises:
        InputError: it cannot be had.
    """
    import torch

    from zoo.networks import InputOverrides, load_network

    threads = torch.get_num_threads()
    # What torch draws to initialise a network depends on the number of threads.
    torch.set_num_threads(1)
    try:
        return load_network(
            name,
            weights,
            num_classes=num_classes,
            overrides=InputOverrides(
                size=given.size,
                mean=given.mean,
                std=given.std,
                crop_pct=given.crop_pct,
                interpolation=given.interpolation,
            ),
        )
    finally:
        torch.set_num_threads(threads)


def state_sha256(network: Network) -> str:
    """Identity of all weights and buffers, as they are loaded."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().numpy().tobytes())
    return digest.hexdigest()


def read_images(
    dataset: Dataset, network: Network, limit: int | None, threads: int, read: Callable[[int], None]
) -> NDArray[np.float32]:
    """At most ``limit`` images, spread evenly, pre-processed: float32 (N, 3, H, W).

    ``read`` is told the number of images after each batch.
    """
    return read_labelled(dataset, network, limit, threads, read)[0]


def read_labelled(
    dataset: Dataset, network: Network, limit: int | None, threads: int, read: Callable[[int], None]
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
