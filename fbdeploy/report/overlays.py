"""What float and int8 make of the photos on which they differ most, drawn over them: the classes of
pixels, or boxes and masks (``fbdeploy.report.boxes``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.records.manifest import Manifest
from fbdeploy.records.predictions import Predictions, Shown, shown_size
from fbdeploy.records.results import Line
from fbdeploy.report import numbers
from fbdeploy.report.kept import kept_answers, label_of, picture_address
from zoo.input_spec import MOST_CLASSES
from zoo.outputs import TaskName

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
    ``caption`` says how far both are alike, ``described`` what is seen, for who cannot."""

    name: str
    caption: str
    described: str
    address: str


@dataclass(frozen=True)
class Overlays:
    """Those of one artefact, and the colours of the classes that they show; ``shown`` says what the
    sides are."""

    artefact: str
    shown: str
    pictures: tuple[Overlay, ...]
    legend: tuple[tuple[str, str], ...]


def overlays(folder: Path, manifest: Manifest, lines: Sequence[Line]) -> Overlays | None:
    """Of the first int8 artefact; None where answers have no places, or none differ."""
    draw = _DRAWN.get(manifest.network.task)
    if draw is None:
        return None
    found = kept_answers(folder, manifest, lines)
    if found is None or found[1].shown is None:
        return None
    return draw(found[0].name, found[1], found[1].shown, manifest.labels)


def _classes(artefact: str, kept: Predictions, shown: Shown, labels: Sequence[str]) -> Overlays:
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
        alike = numbers.percent(float(kept.parts["pixel_agreement"][index, 0]))
        found.append(
            Overlay(
                kept.names[index],
                f"the same class on {alike} of the pixels",
                f"the photo, float's classes, and those of {artefact}",
                picture_address(strip),
            )
        )
    seen[0] = 0
    told = f"The photo as the network is shown it, the answer of float, and that of {artefact}."
    return Overlays(artefact, told, tuple(found), _legend(seen, labels, palette))


def _boxes(
    artefact: str, kept: Predictions, shown: Shown, labels: Sequence[str]
) -> Overlays | None:
    import numpy as np

    from fbdeploy.report.boxes import colours, drawn
    from tasks.detection.agreement import LOWEST_SCORE

    found = []
    seen = np.zeros(1 + max(len(labels), MOST_CLASSES), np.int64)
    if shown.sizes is None:
        return None
    for index, pixels, (width, height) in zip(
        shown.indices.tolist(), shown.pixels, shown.sizes.tolist(), strict=True
    ):
        columns, rows = shown_size(width, height, pixels.shape[1])
        scale = columns / width
        sides = drawn(
            pixels[:rows, :columns], scale, kept.reference[index], kept.predictions[index]
        )
        for label in sides.labels:
            seen[label] += 1
        gap = np.full((sides.float_side.shape[0], GAP, 3), 255, np.uint8)
        strip = np.concatenate([sides.float_side, gap, sides.int8_side], axis=1)
        found.append(
            Overlay(
                kept.names[index],
                f"{sides.pairs} alike, {sides.float_alone} of float alone, "
                f"{sides.int8_alone} of int8 alone",
                f"float's detections, and those of {artefact}",
                picture_address(strip),
            )
        )
    told = (
        f"What float and {artefact} find with a score above {LOWEST_SCORE}; frames are thick where "
        "the other has no detection like it."
    )
    return Overlays(artefact, told, tuple(found), _legend(seen, labels, colours(len(seen))))


def _legend(
    seen: NDArray[np.int64], labels: Sequence[str], palette: NDArray[np.uint8]
) -> tuple[tuple[str, str], ...]:
    """Names and colours of the classes that are seen most."""
    import numpy as np

    listed = sorted(np.argsort(-seen, kind="stable")[:LEGEND].tolist())
    return tuple(
        (label_of(labels, index), "#{:02x}{:02x}{:02x}".format(*palette[index].tolist()))
        for index in listed
        if seen[index]
    )


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


_DRAWN: dict[TaskName, Callable[[str, Predictions, Shown, Sequence[str]], Overlays | None]] = {
    "segmentation": _classes,
    "detection": _boxes,
}
