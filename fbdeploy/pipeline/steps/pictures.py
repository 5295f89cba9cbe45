"""The images on which an artefact answers least as float does, small, for the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fbdeploy.records.predictions import Shown, shown_size
from tasks.classification.metrics import AGREEMENT
from tasks.detection.metrics import AGREEMENT as DETECTION_AGREEMENT
from tasks.segmentation.metrics import PIXEL_AGREEMENT

if TYPE_CHECKING:
    from PIL import Image

    from zoo.datasets import Dataset
    from zoo.input_spec import InputSpec


@dataclass(frozen=True)
class Kept:
    """How many pictures are kept of a task's images, and the pixels of their longer side; ``whole``
    ones, or what the network is shown of them."""

    pictures: int
    longest_side: int
    whole: bool = False


KEPT = {
    PIXEL_AGREEMENT.name: Kept(3, 256),
    AGREEMENT.name: Kept(8, 96),
    DETECTION_AGREEMENT.name: Kept(4, 320, whole=True),
}
"""By the metric that says how far two answers are alike."""


def least_alike(
    parts: dict[str, NDArray[np.float64]],
    dataset: Dataset,
    spec: InputSpec,
    names: tuple[str, ...],
    limit: int | None,
) -> Shown | None:
    """Those of the images ``names`` that are the least alike, spread evenly over as many as are
    alike to the same degree.

    Args:
        parts: what each image contributes, by metric.
        dataset: whose images were scored.
        spec: the network's input.
        names: of the images that were scored, in their order.
        limit: how many of the dataset's were asked for.

    Returns:
        None of a task whose answers are not shown, where all answers are alike, and where images
        had to be left out.
    """
    from zoo.datasets import evenly_spaced
    from zoo.preprocess import resize_and_crop

    places = evenly_spaced(len(dataset), limit)
    metric = next((name for name in KEPT if name in parts), None)
    if metric is None or len(places) != len(names):
        return None
    kept, alike = KEPT[metric], parts[metric][:, 0]
    if metric == DETECTION_AGREEMENT.name:
        found, detections = parts[metric].T
        alike = 1 / (1 + detections - 2 * found)  # by how many have no partner
    chosen = _least(alike, kept.pictures)
    if not chosen:
        return None
    if kept.whole:
        images = [dataset.sample(places[index]).image for index in chosen]
        return _whole(np.array(chosen, np.int32), images, kept.longest_side)
    scale = min(1.0, kept.longest_side / max(spec.height, spec.width))
    size = (max(1, round(scale * spec.width)), max(1, round(scale * spec.height)))
    pictures = [
        np.asarray(resize_and_crop(dataset.sample(places[index]).image, spec).resize(size))
        for index in chosen
    ]
    return Shown(np.array(chosen, np.int32), np.stack(pictures))


def _whole(indices: NDArray[np.int32], images: list[Image.Image], longest: int) -> Shown:
    from zoo.images import to_rgb

    pixels = np.zeros((len(images), longest, longest, 3), np.uint8)
    for place, image in zip(pixels, images, strict=True):
        width, height = shown_size(*image.size, longest)
        place[:height, :width] = np.asarray(to_rgb(image).resize((width, height)))
    return Shown(indices, pixels, np.array([image.size for image in images], np.int32))


def _least(alike: NDArray[np.float64], count: int) -> list[int]:
    """Indices of the ``count`` lowest values below 1, the lowest first."""
    from zoo.datasets import evenly_spaced

    order = [int(index) for index in np.argsort(alike, kind="stable") if alike[index] < 1]
    found: list[int] = []
    # A classifier's answers are alike or not, and the first of them all of a folder's first class.
    for value in np.unique(alike[order]).tolist():
        same = [index for index in order if alike[index] == value]
        found += [same[place] for place in evenly_spaced(len(same), count - len(found))]
        if len(found) == count:
            break
    return found
