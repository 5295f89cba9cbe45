"""Which images a command works with: those given, the embedded ones, random ones, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fbdeploy.pipeline.request import DEFAULT_CALIBRATION, DEFAULT_DATA, DEFAULT_NETWORK
from fbdeploy.records.builds import Build, program_of
from zoo.dataset_names import RANDOM_IMAGES
from zoo.errors import InputError


@dataclass(frozen=True)
class ImageSources:
    """Folders or dataset names; None where there is nothing to score, or to calibrate."""

    data: str | None
    calibration: str | None


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
        data, calibration = data or DEFAULT_DATA, calibration or DEFAULT_CALIBRATION
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
    network: str, weights: str | None, given: str | None, embedded: str, option: str
) -> str:
    """The images to use: those given, else the embedded ones of the embedded network.

    Raises:
        InputError: it is another network, and ``option`` was not given.
    """
    if given is not None:
        return given
    if is_embedded(network, weights):
        return embedded
    raise InputError(f"{network}: {option} is missing; give a folder of images")


def is_embedded(network: str, weights: str | None) -> bool:
    """Whether it is the network that the embedded images are of."""
    return network == DEFAULT_NETWORK and weights is None
