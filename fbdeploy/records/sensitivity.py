"""``OUT/sensitivity.json``: the error int8 causes at each layer. docs/results.md describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from fbdeploy.records.fields import Sha256
from fbdeploy.records.manifest import Manifest
from zoo.documents import Schema, Share
from zoo.files import atomic_file

FILE_NAME = "sensitivity.json"


class LayerRow(Schema):
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


class SensitivityDocument(Schema):
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
