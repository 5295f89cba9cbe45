"""Which images a command works with: those given, the embedded ones, random ones, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fbdeploy.records.builds import Build, program_of
from zoo.dataset_names import (
    CALIBRATION,
    RANDOM_IMAGES,
    SCENES,
    SCENES_CALIBRATION,
    SCENES_FEW,
    TEST,
)
from zoo.errors import InputError
from zoo.names import DEFAULT, DEFAULT_DETECTOR, DEFAULT_SEGMENTER


@dataclass(frozen=True)
class ImageSources:
    """Folders or dataset names; None where there is nothing to score, or to calibrate."""

    data: str | None
    calibration: str | None


EMBEDDED_IMAGES = {
    DEFAULT: ImageSources(TEST, CALIBRATION),
    DEFAULT_SEGMENTER: ImageSources(SCENES, SCENES_CALIBRATION),
    DEFAULT_DETECTOR: ImageSources(SCENES_FEW, SCENES_CALIBRATION),
}
"""The images that come with a network."""


class ImagesMissing(InputError):
    """A network needs images, and the user neither gave any nor said that there are none."""


def image_sources(
    network: str,
    weights: str | None,
    given: ImageSources,
    builds: Sequence[Build],
    *,
    no_data: bool = False,
    artefacts_only: bool = False,
) -> ImageSources:
    """What to score and calibrate on, of a deployment of ``builds``.

    With ``no_data`` nothing is scored, and int8 is calibrated on random images unless others are
    given. Only int8 is calibrated, and with ``artefacts_only`` nothing is scored.

    Raises:
        ImagesMissing: images are needed and missing.
        InputError: what was given contradicts itself.
    """
    int8 = any(map(program_of, builds))
    data, calibration = given.data, given.calibration
    if no_data:
        if data is not None:
            raise InputError(f"--data {data}: contradicts --no-data; leave one of them out")
        if calibration is None and "int8-qat" in builds:
            raise InputError("int8-qat: is not trained on random images; give --calibration FOLDER")
        return ImageSources(None, (calibration or RANDOM_IMAGES) if int8 else None)
    if is_embedded(network, weights):
        own = EMBEDDED_IMAGES[network]
        data, calibration = data or own.data, calibration or own.calibration
    missing = []
    if data is None and not artefacts_only:
        missing.append("--data")
    if calibration is None and int8:
        missing.append("--calibration")
    if missing:
        first, *more = missing
        too = f", and {more[0]} too" if more else ""
        raise ImagesMissing(
            f"{network}: {first} is missing{too}; give a folder of images, or --no-data for size, "
            "latency and coverage alone"
        )
    return ImageSources(data, calibration if int8 else None)


def images_for(
    network: str, weights: str | None, given: str | None, use: Literal["data", "calibration"]
) -> str:
    """The images to use: those given, else the embedded ones of an embedded network.

    Raises:
        InputError: it is another network, and none were given.
    """
    own = EMBEDDED_IMAGES[network] if is_embedded(network, weights) else ImageSources(None, None)
    found = given or (own.data if use == "data" else own.calibration)
    if found is None:
        raise InputError(f"{network}: --{use} is missing; give a folder of images")
    return found


def is_embedded(network: str, weights: str | None) -> bool:
    """Whether it is a network that images come with."""
    return network in EMBEDDED_IMAGES and weights is None
