"""Opening the network that a command is given, and artefacts that were made of it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from fbdeploy.pipeline.keys import key_of
from fbdeploy.pipeline.request import DeployRequest, InputOptions
from zoo.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from fbdeploy.records.manifest import Artefact
    from quantize.recipe import Recipe
    from runtime_bench.runtimes.base import Answering
    from zoo.networks import Network


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


def requested_network(request: DeployRequest, expected_key: str | None = None) -> Network:
    """The network of a deployment.

    Raises:
        InputError: it cannot be had, or it is another than ``expected_key`` says.
    """
    network = open_network(request.network, request.weights, request.num_classes, request.input)
    if request.called:
        network = replace(network, name=request.called)
    if expected_key is not None and key_of_network(network, state_sha256(network)) != expected_key:
        raise InputError(
            f"{request.network}: builds another network or other weights each time it is called; "
            "seed it, or give its weights with --weights"
        )
    return network


def key_of_network(network: Network, state: str) -> str:
    """Identity of a network: its weights, whose ``state_sha256`` is ``state``, its input, its
    classes and their names."""
    return key_of(
        name=network.name,
        state=state,
        input={name: str(value) for name, value in asdict(network.input_spec).items()},
        classes=network.num_classes,
        labels=list(network.labels),
    )


def state_sha256(network: Network) -> str:
    """Identity of all weights and buffers, as they are loaded."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().numpy().tobytes())
    return digest.hexdigest()


def requested_recipe(request: DeployRequest) -> Recipe:
    """The recipe of a deployment.

    Raises:
        InputError: there is no such recipe, or it is not one.
    """
    from quantize.recipe import load_recipe

    return load_recipe(request.recipe)


def open_scored(folder: Path, entry: Artefact, network: Network) -> Answering:
    """An artefact of ``network`` in ``folder``, which takes normalized images and gives what the
    network's task reads, whatever the file takes and gives.

    Raises:
        InputError: it cannot be loaded.
    """
    from runtime_bench.runtimes import RUNTIMES
    from runtime_bench.runtimes.class_maps import for_logits
    from runtime_bench.runtimes.pixels import for_normalized

    loaded = RUNTIMES[entry.format].load(folder / entry.path, worker_threads())
    session = for_normalized(loaded, network.input_spec)
    return for_logits(loaded, session, network.num_classes)


def worker_threads() -> int:
    """The threads that this worker was given by its runner."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))
