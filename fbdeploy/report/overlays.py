"""What float and int8 make of the photos on which they differ most, drawn over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.records.manifest import Manifest
from fbdeploy.records.predictions import Predictions, Shown
from fbdeploy.records.results import Line
from fbdeploy.report.kept import kept_answers, label_of, picture_address

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tasks.segmentation.task import Segmented

COVER = 0.6
"""How much of a pixel is its class's colour; ground, class 0, is shown as it is."""
GAP = 4
LEGEND = 12
"""Classes in the legend at most, those with the most pixels."""


@dataclass(frozen=True)
class Overlay:
    """A photo, float's answer and the artefact's side by side, as a PNG in a ``data:`` address;
    ``agreement`` is the share of pixels on which both answer alike."""

    name: str
    agreement: float
    address: str


@dataclass(frozen=True)
class Overlays:
    """Those of one artefact, and the colours of the classes that they show."""

    artefact: str
    pictures: tuple[Overlay, ...]
    legend: tuple[tuple[str, str], ...]


def overlays(folder: Path, manifest: Manifest, lines: Sequence[Line]) -> Overlays | None:
    """Of the first int8 artefact; None where answers are not of pixels, or none differ."""
    if manifest.network.task != "segmentation":
        return None
    found = kept_answers(folder, manifest, lines)
    if found is None or found[1].shown is None:
        return None
    return _drawn(found[0].name, found[1], found[1].shown, manifest.labels)


def _drawn(artefact: str, kept: Predictions, shown: Shown, labels: Sequence[str]) -> Overlays:
    import numpy as np

    from zoo.datasets.mask_files import voc_palette

    palette = voc_palette()
    seen = np.zeros(256, np.int64)
    found = []
    for picture, index in zip(shown.pixels, shown.indices.tolist(), strict=True):
        maps = [_resized(side[index], picture.shape) for side in (kept.reference, kept.predictions)]
        for classes in maps:
            seen += np.bincount(classes.ravel(), minlength=256)
        gap = np.full((picture.shape[0], GAP, 3), 255, np.uint8)
        covered = [_covered(picture, classes, palette) for classes in maps]
        strip = np.concatenate([picture, gap, covered[0], gap, covered[1]], axis=1)
        alike = float(kept.parts["pixel_agreement"][index, 0])
        found.append(Overlay(kept.names[index], alike, picture_address(strip)))
    listed = sorted(np.argsort(-seen, kind="stable")[:LEGEND].tolist())
    legend = tuple(
        (
            label_of(labels, index),
            "#{:02x}{:02x}{:02x}".format(*palette[index].tolist()),
        )
        for index in listed
        if seen[index] and index
    )
    return Overlays(artefact, tuple(found), legend)


def _resized(answer: Segmented, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The classes at a picture's size, of the nearest pixels."""
    import numpy as np

    pixels = answer.classes.pixels()
    rows = np.arange(shape[0]) * pixels.shape[0] // shape[0]
    columns = np.arange(shape[1]) * pixels.shape[1] // shape[1]
    found: NDArray[np.uint8] = pixels[rows[:, None], columns[None]]
    return found


def _covered(
    picture: NDArray[np.uint8], classes: NDArray[np.uint8], palette: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    import numpy as np

    colours = palette[classes].astype(np.float32)
    mixed = (1 - COVER) * picture + COVER * colours
    found: NDArray[np.uint8] = np.where(classes[..., None] == 0, picture, mixed).astype(np.uint8)
    return found
