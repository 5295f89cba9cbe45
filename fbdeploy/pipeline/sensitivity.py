"""Ranks a network's layers by the error int8 causes in each, for ``fbdeploy sensitivity``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fbdeploy.pipeline.request import InputOptions
from fbdeploy.pipeline.steps.images import counter, note_skipped, read_images
from fbdeploy.pipeline.steps.opening import open_network, state_sha256
from fbdeploy.records.manifest import now
from fbdeploy.records.sensitivity import LayerRow, SensitivityDocument
from fbdeploy.version import __version__
from zoo.documents import Schema

if TYPE_CHECKING:
    from quantize.analysis.sensitivity import LayerSensitivity

DEFAULT_IMAGES = 32
"""More move the ranks of layers that hardly matter, and nothing else."""


class SensitivityRequest(Schema):
    """What the user asked for; ``images`` None means every calibration image that is read."""

    network: str
    weights: str | None = None
    num_classes: int | None = None
    input: InputOptions = InputOptions()
    calibration: str
    recipe: str
    images: int | None = DEFAULT_IMAGES
    threads: int
    skip_bad_images: bool = False


def measure(
    request: SensitivityRequest,
    progress: Callable[[str, float], None],
    note: Callable[[str], None],
) -> SensitivityDocument:
    """Quantize the network with the recipe's ranges and rank its layers.

    ``progress`` is told the step and how much of it is done, in 0..1; ``note`` gets lines for the
    user.

    Raises:
        InputError: the network, the recipe or the images cannot be had.
    """
    import torch

    from quantize.analysis.sensitivity import sensitivity
    from quantize.ptq import quantize
    from quantize.recipe import load_recipe, ranges_only
    from zoo.datasets import evenly_spaced, open_pictures

    start = time.monotonic()
    torch.set_num_threads(request.threads)
    recipe = load_recipe(request.recipe)
    network = open_network(request.network, request.weights, request.num_classes, request.input)
    dataset = open_pictures(
        network.task, request.calibration, skip_bad_images=request.skip_bad_images
    )
    total = min(len(dataset), recipe.calibration.images)
    count = counter(progress, "reading calibration images", total)
    images = read_images(dataset, network, recipe.calibration.images, request.threads, count)
    note_skipped(dataset, note, "calibration ")
    program = quantize(network, images, ranges_only(recipe), progress)
    chosen = torch.from_numpy(images[evenly_spaced(len(images), request.images)])
    found = sensitivity(program, chosen, progress)
    macs = sum(entry.cost.macs for entry in found.layers)
    return SensitivityDocument(
        fbdeploy_version=__version__,
        created=now(),
        network=network.name,
        weights_sha256=state_sha256(network),
        height=network.input_spec.height,
        width=network.input_spec.width,
        recipe=recipe.name,
        calibration=request.calibration,
        images=found.images,
        kl=found.kl,
        layers=tuple(_row(entry, macs) for entry in found.layers),
        seconds=time.monotonic() - start,
    )


def _row(entry: LayerSensitivity, macs: int) -> LayerRow:
    return LayerRow(
        layer=entry.layer.module,
        operator=entry.layer.operator,
        position=entry.position + 1,
        macs=entry.cost.macs,
        macs_share=entry.cost.macs / macs if macs else 0.0,
        sqnr_db=entry.sqnr_db,
        weight_sqnr_db=entry.weight_sqnr_db,
        activation_sqnr_db=entry.activation_sqnr_db,
        kl_alone=entry.kl_alone,
        kl_without=entry.kl_without,
    )
