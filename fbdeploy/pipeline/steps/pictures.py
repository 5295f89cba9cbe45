"""The images on which an artefact answers least as float does, small, for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fbdeploy.records.predictions import Shown
from tasks.segmentation.metrics import PIXEL_AGREEMENT

if TYPE_CHECKING:
    from zoo.datasets import Dataset
    from zoo.input_spec import InputSpec

SHOWN = 3
LONGEST_SIDE = 256
"""Pixels of a picture as it is kept."""


def least_alike(
    parts: dict[str, NDArray[np.float64]],
    dataset: Dataset,
    spec: InputSpec,
    names: tuple[str, ...],
    limit: int | None,
) -> Shown | None:
    """Those of the images ``names``, the least alike first.

    Args:
        parts: what each image contributes, by metric.
        dataset: whose images were scored.
        spec: the network's input.
        names: of the images that were scored, in their order.
        limit: how many of the dataset's were asked for.

    Returns:
        None of a task that does not answer by pixels, where all answers are alike, and where images
        had to be left out.
    """
    from zoo.datasets import evenly_spaced
    from zoo.preprocess import resize_and_crop

    places = evenly_spaced(len(dataset), limit)
    if PIXEL_AGREEMENT.name not in parts or len(places) != len(names):
        return None
    alike = parts[PIXEL_AGREEMENT.name][:, 0]
    chosen = [int(index) for index in np.argsort(alike, kind="stable")[:SHOWN] if alike[index] < 1]
    if not chosen:
        return None
    scale = min(1.0, LONGEST_SIDE / max(spec.height, spec.width))
    size = (max(1, round(scale * spec.width)), max(1, round(scale * spec.height)))
    pictures = [
        np.asarray(resize_and_crop(dataset.sample(places[index]).image, spec).resize(size))
        for index in chosen
    ]
    return Shown(np.array(chosen, np.int32), np.stack(pictures))
