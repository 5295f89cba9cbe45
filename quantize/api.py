"""Quantizing a network as a recipe says, and the pieces for a training loop of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quantize.grids.calibrate import ProgressCallback, silent
from quantize.judging import judged
from quantize.program import Program
from quantize.ptq import quantize as post_training
from quantize.qat.module import QatModule
from quantize.qat.train import QatData, train
from quantize.recipe import Recipe, load_recipe
from quantize.split import split
from zoo.errors import InputError
from zoo.networks import Network


def quantize(
    network: Network,
    images: NDArray[np.float32],
    recipe: Recipe,
    progress: ProgressCallback = silent,
    *,
    labels: NDArray[np.integer[Any]] | None = None,
    checkpoint: Path | None = None,
) -> Program:
    """Quantize ``network`` with ``images``, pre-processed float32 (N, 3, H, W).

    Post-training quantization needs no labels. A recipe of method ``qat`` then trains the program
    (:func:`fine_tune`).

    Raises:
        InputError: no images, labels the recipe asks for are missing, or the network cannot be
            captured.
    """
    program = post_training(network, images, recipe, progress)
    if recipe.method == "ptq":
        return program
    return fine_tune(program, images, recipe, progress, labels=labels, checkpoint=checkpoint)


def fine_tune(
    program: Program,
    images: NDArray[np.float32],
    recipe: Recipe,
    progress: ProgressCallback = silent,
    *,
    labels: NDArray[np.integer[Any]] | None = None,
    checkpoint: Path | None = None,
) -> Program:
    """Quantization-aware training of ``program`` by ``recipe.qat``, its float network the teacher.

    ``images`` are float32 (N, 3, H, W), ``labels`` int64 (N,), or the classes of pixels, uint8
    (N, H, W). Those the recipe holds out judge, the others are learned from. With ``checkpoint``, a
    file, training that was cut off goes on. ``program`` comes back where training does not make it
    better; its summary says so.

    Raises:
        InputError: no images, or labels the recipe asks for are missing.
    """
    if len(images) == 0:
        raise InputError("training: no images; give a folder with at least a few hundred photos")
    targets = None
    if recipe.qat.label_weight:
        if labels is None or bool((labels < 0).any()):
            raise InputError(
                f"{recipe.name}: qat.label_weight asks for labels, and the images have none; "
                "give a labelled folder, or set it to 0"
            )
        targets = torch.from_numpy(labels)
    parts, everything = split(len(images), recipe.calibration), torch.from_numpy(images)
    learned = torch.cat([parts.calibration, parts.further])[: recipe.qat.images]
    judging = judged(
        parts.held_out if len(parts.held_out) else parts.calibration, program.interface
    )
    data = QatData(
        images=everything[learned],
        held_out=everything[judging],
        labels=None if targets is None else targets[learned],
    )
    return train(program, data, recipe.qat, checkpoint=checkpoint, progress=progress)


def prepare_qat(
    source: Network | Program,
    images: NDArray[np.float32] | None = None,
    recipe: Recipe | None = None,
    progress: ProgressCallback = silent,
) -> QatModule:
    """A module for a training loop of one's own; :func:`quantize.qat.module.convert` ends it.

    ``source`` is a program, or a network that ``recipe`` (the default one where None) quantizes
    first, for which it needs ``images``, float32 (N, 3, H, W).

    Raises:
        InputError: a network without images, or one that cannot be captured.
    """
    if isinstance(source, Program):
        return QatModule(source)
    if images is None:
        raise InputError(f"{source.name}: no images; prepare_qat finds int8 ranges with them")
    return QatModule(post_training(source, images, recipe or load_recipe(), progress))
