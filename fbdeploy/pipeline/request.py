"""What the user asked ``fbdeploy deploy`` for, checked and ready to be sent to workers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from export.format_info import Layout, OutputForm, TensorType
from fbdeploy.records.builds import Build
from fbdeploy.records.manifest import Format
from runtime_bench.measurement import MOST_THREADS
from zoo.dataset_names import RANDOM_IMAGES
from zoo.documents import Schema
from zoo.input_spec import CropShare, Deviation, Interpolation, Mean, Pixels

DEFAULT_IMAGES = 2000
"""Images each artefact is scored on unless the user says otherwise (all, if there are fewer)."""
DEFAULT_NETWORK = "default"
DEFAULT_MODE = "quick"
"""How long artefacts are timed."""


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

    ``data`` and ``calibration`` are folders or dataset names; without ``data`` nothing is scored,
    and without int8 ``calibration`` is not needed. ``skip_passes`` names passes of
    ``export.graph_passes``, ``layout`` that of the input where a format has a choice; of
    ``input_type`` there are artefacts beside those that take floats, where a format has such.
    ``output_forms`` are what artefacts of a segmenter give beside its logits.
    ``mode`` is how long artefacts are timed (``runtime_bench.timing.modes``). With
    ``accept_low_fidelity`` an int8 program that is far from the float network does not make the
    deployment incomplete. ``identities`` are those of folders of images that whoever asks has found
    already, by their names here; ``called`` is what whoever asks calls the network, if its file
    here is a copy.
    """

    network: str
    weights: str | None = None
    num_classes: int | None = None
    input: InputOptions = InputOptions()
    data: str | None = None
    calibration: str | None = None
    formats: tuple[Format, ...]
    builds: tuple[Build, ...]
    recipe: str
    output: Path
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS)] = 1
    images: Annotated[int, Field(ge=1)] | None = DEFAULT_IMAGES
    skip_bad_images: bool = False
    skip_passes: tuple[str, ...] = ()
    layout: Layout | None = None
    input_type: TensorType = "float32"
    output_forms: tuple[OutputForm, ...] = ()
    mode: str = DEFAULT_MODE
    accept_low_fidelity: bool = False
    identities: dict[str, str] = Field(default_factory=dict)
    called: str = ""

    @property
    def check_images(self) -> str:
        """The folder or dataset of images on which artefacts are held against their reference."""
        return self.data or self.calibration or RANDOM_IMAGES
