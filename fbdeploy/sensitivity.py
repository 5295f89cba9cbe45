"""``OUT/sensitivity.json``: the error int8 causes at each layer. docs/results.md describes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import fbdeploy
from fbdeploy.manifest import Entry, Manifest, Sha256, Share, now
from fbdeploy.pipeline.opening import open_network, read_images, state_sha256
from fbdeploy.pipeline.request import InputOptions
from zoo.files import atomic_file

if TYPE_CHECKING:
    from quantize.sensitivity import LayerSensitivity

FILE_NAME = "sensitivity.json"
DEFAULT_IMAGES = 32
"""More move the ranks of layers that hardly matter, and nothing else."""


class LayerRow(Entry):
    """One layer, by the path of its module in the user's network.

    ``position`` is its place in order of execution, from 1; ``macs`` and ``macs_share`` are its
    multiply-adds. ``sqnr_db`` is the signal-to-noise in dB at its output with float inputs;
    ``weight_sqnr_db`` and ``activation_sqnr_db`` that of its int8 weights, and of rounding its
    result, alone (null where nothing is lost). ``kl_alone`` is the network's KL from float in nats
    with this layer alone in int8, ``kl_without`` with all layers but this one: geometric means
    over the images, since the plain mean is that of a few images between two classes.
    """

    layer: str
    operator: str
    position: int
    macs: int
    macs_share: Share
    sqnr_db: float | None = None
    weight_sqnr_db: float | None = None
    activation_sqnr_db: float | None = None
    kl_alone: float
    kl_without: float


class SensitivityDocument(Entry):
    """The whole file. ``kl`` is that of the network with every layer in int8, in nats.

    ``images`` of the calibration images are measured on; ``layers`` come worst first, by
    ``kl_alone``.
    """

    schema_version: Literal[1] = 1
    fbdeploy_version: str
    created: str
    network: str
    weights_sha256: Sha256
    height: int
    width: int
    recipe: str
    calibration: str
    images: int
    kl: float
    layers: tuple[LayerRow, ...]
    seconds: float

    def belongs_to(self, manifest: Manifest) -> bool:
        """Whether the file is about the network that the manifest deploys."""
        spec = manifest.input_spec
        return self.weights_sha256 == manifest.weights.sha256 and (self.height, self.width) == (
            spec.height,
            spec.width,
        )


class SensitivityRequest(Entry):
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

    from quantize.ptq import quantize
    from quantize.recipe import load_recipe, ranges_only
    from quantize.sensitivity import sensitivity
    from zoo.datasets import open_dataset, spread

    start = time.monotonic()
    torch.set_num_threads(request.threads)
    recipe = load_recipe(request.recipe)
    network = open_network(request.network, request.weights, request.num_classes, request.input)
    dataset = open_dataset(
        request.calibration, labelled=False, skip_bad_images=request.skip_bad_images
    )
    total = min(len(dataset), recipe.calibration.images)
    counter = _Counter(total, lambda done: progress("reading calibration images", done))
    images = read_images(dataset, network, recipe.calibration.images, request.threads, counter)
    if dataset.skipped:
        names = ", ".join(dataset.skipped)
        note(f"{len(dataset.skipped)} unreadable calibration images are left out: {names}")
    program = quantize(network, images, ranges_only(recipe), progress)
    chosen = torch.from_numpy(images[spread(len(images), request.images)])
    found = sensitivity(program, chosen, progress)
    macs = sum(entry.cost.macs for entry in found.layers)
    return SensitivityDocument(
        fbdeploy_version=fbdeploy.__version__,
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


class _Counter:
    """Turns counts of images into parts of the whole."""

    def __init__(self, total: int, tell: Callable[[float], None]) -> None:
        self._total, self._tell, self._done = max(1, total), tell, 0

    def __call__(self, count: int) -> None:
        self._done += count
        self._tell(self._done / self._total)


def write_sensitivity(folder: Path, document: SensitivityDocument) -> Path:
    """Write ``folder/sensitivity.json`` whole or not at all.

    Raises:
        InputError: the folder cannot be written or is full.
    """
    target = folder / FILE_NAME
    with atomic_file(target) as temporary:
        temporary.write_text(document.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return target


def sensitivity_of(folder: Path, manifest: Manifest) -> SensitivityDocument | None:
    """The file beside ``manifest``; None where there is none, or one of other weights or versions.

    A report without it is better than none, so a damaged file counts as absent too.
    """
    try:
        text = (folder / FILE_NAME).read_text(encoding="utf-8")
        found = SensitivityDocument.model_validate_json(text)
    except (OSError, ValueError):
        return None
    return found if found.belongs_to(manifest) else None
