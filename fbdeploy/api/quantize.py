"""``fbdeploy.quantize``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fbdeploy.api.errors import in_python
from fbdeploy.api.networks import load_network
from fbdeploy.pipeline.first_look import look_at_images
from fbdeploy.pipeline.image_sources import EMBEDDED_IMAGES
from fbdeploy.pipeline.request import DEFAULT_NETWORK
from fbdeploy.pipeline.steps.images import read_labelled
from fbdeploy.pipeline.steps.programs import most_images
from quantize.api import quantize as quantize_images
from quantize.program import Program
from quantize.recipe import Recipe, load_recipe
from zoo.dataset_names import RANDOM_IMAGES
from zoo.datasets import open_pictures, open_scored
from zoo.datasets.batching import DECODING_THREADS
from zoo.errors import InputError
from zoo.networks import Network

Done = Callable[[str, float], None]
"""Takes a step's name, and how much of it is done in 0..1."""


@in_python
def quantize(
    network: str | Network = DEFAULT_NETWORK,
    calibration: str | os.PathLike[str] | NDArray[np.float32] | None = None,
    recipe: str | os.PathLike[str] | Recipe = "ptq",
    progress: Done | None = None,
    *,
    labels: NDArray[np.integer[Any]] | None = None,
    checkpoint: Path | None = None,
) -> Program:
    """An int8 program: one graph and one set of ranges, from which every format is exported.

    Args:
        network: what ``load_network`` returned, or a name for it.
        calibration: a folder of images like those of training, or a dataset's name; or images that
            are pre-processed already, float32 (N, 3, H, W). None: the embedded ones, for
            ``default`` and ``default-segmenter``.
        recipe: how to quantize: a recipe's name, a TOML file, or a recipe. One of method ``qat``
            trains the program too.
        progress: is told each step, and how much of it is done.
        labels: int64 (N,), of images that are pre-processed already, for recipes that ask for them.
        checkpoint: a file with which a training that was cut off goes on.

    Raises:
        InputError: the network or the images cannot be had, or the network cannot be captured.
    """
    known = network if isinstance(network, Network) else load_network(network)
    how = recipe if isinstance(recipe, Recipe) else load_recipe(os.fspath(recipe))
    if isinstance(calibration, np.ndarray):
        images = calibration
    else:
        given = None if calibration is None else os.fspath(calibration)
        images, labels = _read(known, given, how)
    told = progress or (lambda step, done: None)
    return quantize_images(known, images, how, told, labels=labels, checkpoint=checkpoint)


def _read(
    network: Network, given: str | None, recipe: Recipe
) -> tuple[NDArray[np.float32], NDArray[np.integer[Any]]]:
    if given is None and network.weights.kind != "embedded":
        raise InputError(
            f"{network.name}: calibration is missing; give a folder of images, or {RANDOM_IMAGES}"
        )
    source = given or EMBEDDED_IMAGES[network.name].calibration
    assert source is not None
    look_at_images(source)
    if recipe.method == "qat" and recipe.qat.label_weight:
        dataset = open_scored(
            network.task, source, num_classes=network.num_classes, network_labels=network.labels
        )
    else:
        dataset = open_pictures(network.task, source)
    limit = most_images(recipe) if recipe.method == "qat" else recipe.calibration.images
    return read_labelled(dataset, network, limit, DECODING_THREADS, lambda images: None)
