"""Ranks a network's layers by the error int8 causes in each, for ``fbdeploy sensitivity``."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.pipeline.request import InputOptions
from fbdeploy.pipeline.steps.images import counter, note_skipped, read_images
from fbdeploy.pipeline.steps.opening import open_network, state_sha256, worker_threads
from fbdeploy.records.manifest import now
from fbdeploy.records.sensitivity import LayerRow, SensitivityDocument
from fbdeploy.version import __version__
from zoo.documents import Schema

if TYPE_CHECKING:
    from torch import Tensor

    from quantize.analysis.sensitivity import LayerSensitivity, Sensitivity
    from quantize.program import Program

DEFAULT_IMAGES = 32
"""More move the ranks of layers that hardly matter, and nothing else."""


class SensitivityRequest(Schema):
    """What the user asked for; ``images`` None means every calibration image that is read, and
    ``threads`` None all that the worker has."""

    network: str
    weights: str | None = None
    num_classes: int | None = None
    input: InputOptions = InputOptions()
    calibration: str
    recipe: str
    images: int | None = DEFAULT_IMAGES
    threads: int | None
    skip_bad_images: bool = False


class Measured(Schema):
    """The network and recipe that layers are ranked for, as the document tells them, with the
    number of layers."""

    network: str
    weights_sha256: str
    height: int
    width: int
    recipe: str
    layers: int


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
    from quantize.analysis.sensitivity import sensitivity
    from quantize.program import load_program

    start = time.monotonic()
    measured, program, images = quantized(request, progress, note)
    # Convolutions of weights that lie otherwise in memory differ in their last bits: what is ranked
    # is as it is stored, here and where parts of it are ranked.
    with tempfile.TemporaryDirectory() as folder:
        program.save(Path(folder, "program"))
        program = load_program(Path(folder, "program"))
    found = sensitivity(program, images, progress)
    return document(request, measured, found.images, found.kl, rows(found), start)


def quantized(
    request: SensitivityRequest,
    progress: Callable[[str, float], None],
    note: Callable[[str], None],
) -> tuple[Measured, Program, Tensor]:
    """What layers are ranked of: the program with the recipe's ranges, and the images to measure
    on, float32 (N, 3, H, W); raises as :func:`measure`."""
    import torch

    from quantize.analysis.layers import layers_of
    from quantize.ptq import quantize
    from quantize.recipe import load_recipe, ranges_only
    from zoo.datasets import evenly_spaced, open_pictures

    threads = request.threads or worker_threads()
    torch.set_num_threads(threads)
    recipe = load_recipe(request.recipe)
    network = open_network(request.network, request.weights, request.num_classes, request.input)
    dataset = open_pictures(
        network.task, request.calibration, skip_bad_images=request.skip_bad_images
    )
    total = min(len(dataset), recipe.calibration.images)
    count = counter(progress, "reading calibration images", total)
    images = read_images(dataset, network, recipe.calibration.images, threads, count)
    note_skipped(dataset.skipped, note, "calibration ")
    program = quantize(network, images, ranges_only(recipe), progress)
    measured = Measured(
        network=network.name,
        weights_sha256=state_sha256(network),
        height=network.input_spec.height,
        width=network.input_spec.width,
        recipe=recipe.name,
        layers=len(layers_of(program)),
    )
    chosen = images[evenly_spaced(len(images), request.images)]
    return measured, program, torch.from_numpy(chosen)


def document(
    request: SensitivityRequest,
    measured: Measured,
    images: int,
    kl: float,
    layers: Iterable[LayerRow],
    start: float,
) -> SensitivityDocument:
    """The document of ``layers``, all of them, in any order.

    Args:
        request: what was asked.
        measured: what was measured.
        images: on so many images.
        kl: of the whole int8 network, nats.
        layers: the rows.
        start: when it began, by ``time.monotonic``.
    """
    return SensitivityDocument(
        fbdeploy_version=__version__,
        created=now(),
        network=measured.network,
        weights_sha256=measured.weights_sha256,
        height=measured.height,
        width=measured.width,
        recipe=measured.recipe,
        calibration=request.calibration,
        images=images,
        kl=kl,
        layers=tuple(sorted(layers, key=lambda row: (-row.kl_alone, row.position))),
        seconds=time.monotonic() - start,
    )


def rows(found: Sensitivity) -> list[LayerRow]:
    """The layers as the document has them."""
    return [_row(entry, found.macs) for entry in found.layers]


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
