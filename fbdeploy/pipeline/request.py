"""What the user asked ``fbdeploy deploy`` for, checked and ready to be sent to workers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from fbdeploy.records.builds import Build
from fbdeploy.records.manifest import Format
from zoo.documents import Schema
from zoo.errors import InputError
from zoo.input_spec import CropShare, Deviation, Interpolation, Mean, Pixels
from zoo.names import DEFAULT, DEFAULT_SEGMENTER

DEFAULT_IMAGES = 2000
"""Images each artefact is scored on unless the user says otherwise (all, if there are fewer)."""
DEFAULT_NETWORK = DEFAULT
Use = Literal["data", "calibration"]
"""What images are for, as the option is called."""
EMBEDDED_IMAGES: dict[str, dict[Use, str]] = {
    DEFAULT: {"data": "fashion-mnist", "calibration": "fashion-mnist-calibration"},
    DEFAULT_SEGMENTER: {"data": "fashion-scenes", "calibration": "fashion-scenes-calibration"},
}
"""The images that come with an embedded network."""
EMBEDDED_SETS = tuple(name for images in EMBEDDED_IMAGES.values() for name in images.values())


def images_for(network: str, weights: str | None, given: str | None, use: Use) -> str:
    """The images to use: those given, else the embedded ones of an embedded network.

    Raises:
        InputError: it is another network, and none were given.
    """
    if given is not None:
        return given
    if network in EMBEDDED_IMAGES and weights is None:
        return EMBEDDED_IMAGES[network][use]
    raise InputError(f"{network}: --{use} is missing; give a folder of images")


class InputOptions(Schema):
    """What the user says about the network's input; None leaves what its source says.

    ``size`` is (height, width) in pixels.
    """

    size: tuple[Pixels, Pixels] | None = None
    mean: tuple[Mean, Mean, Mean] | None = None
    std: tuple[Deviation, Deviation, Deviation] | None = None
    crop_pct: CropShare | None = None
    interpolation: Interpolation | None = None


class DeployRequest(Schema):
    """One deployment. ``images`` None means all; ``threads`` are those that latency is timed with.

    ``data`` and ``calibration`` are folders or dataset names; ``skip_passes`` names passes of
    ``export.graph_passes``. With ``accept_low_fidelity`` an int8 program that is far from the float
    network does not make the deployment incomplete. ``identities`` are those of folders of images
    that whoever asks has found already, by their names here.
    """

    network: str
    weights: str | None = None
    num_classes: int | None = None
    input: InputOptions = InputOptions()
    data: str
    calibration: str
    formats: tuple[Format, ...]
    builds: tuple[Build, ...]
    recipe: str
    output: Path
    threads: int = 1
    images: int | None = DEFAULT_IMAGES
    skip_bad_images: bool = False
    skip_passes: tuple[str, ...] = ()
    accept_low_fidelity: bool = False
    identities: dict[str, str] = Field(default_factory=dict)
