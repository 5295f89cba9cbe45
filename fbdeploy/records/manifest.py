"""``OUT/manifest.json``: everything about every artefact. docs/results.md holds its JSON Schema."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue

from export.coverage import Coverage
from export.format_info import FORMAT_INFO, InputType, Layout, NumberType, OutputForm
from fbdeploy.records import migrations
from fbdeploy.records.builds import (
    Build,
    ProgramName,
    ProgramOf,
    build_of,
    precision_of,
    program_of,
)
from fbdeploy.records.fidelity import Fidelity, FloatCheck
from fbdeploy.records.fields import InnerPath, Sha256, StoredInputSpec
from fbdeploy.records.one_of import OneOf
from zoo.documents import Count, Schema, Share, read_json, versioned
from zoo.errors import InputError
from zoo.files import atomic_file, exists, is_file
from zoo.input_spec import (
    MOST_CLASSES,
)
from zoo.outputs import TaskName

SCHEMA_VERSION = 2
FILE_NAME = "manifest.json"

Format = Annotated[str, OneOf(tuple(FORMAT_INFO))]
StepName = Literal["train", "export", "evaluate", "bundle", "bench"]
"""Steps of the pipeline that may fail without ending it."""


class OutputInfo(Schema):
    """``zoo.outputs.OutputSpec``: an output float32 of ``shape`` for one image, batch first."""

    name: str
    shape: tuple[Count, ...] = ()
    meaning: str = ""


class NetworkInfo(Schema):
    """The float network. ``task`` says what its ``outputs`` mean, which every artefact has in this
    order. ``parameters`` counts all of them; ``macs`` those of one image.
    """

    name: str
    source: str
    task: TaskName = "classification"
    outputs: tuple[OutputInfo, ...] = (OutputInfo(name="logits"),)
    parameters: Count | None = None
    macs: Count | None = None
    num_classes: Annotated[int, Field(ge=1, le=MOST_CLASSES)]


class Weights(Schema):
    """Where the weights came from; ``sha256`` is of the float state dict as it was loaded."""

    origin: str
    sha256: Sha256
    note: str = ""


class DatasetInfo(Schema):
    """Images that were used; ``identity`` changes whenever one of them does."""

    name: str
    images: Count
    identity: str


class RecipeInfo(Schema):
    """The recipe as it was applied, every default filled in."""

    name: str
    sha256: Sha256
    values: dict[str, JsonValue]


class Step(Schema):
    """One optional step of quantization: kept only where the held-out divergence fell."""

    name: str
    kept: bool
    reason: str
    divergence_before: float | None = None
    divergence_after: float | None = None
    seconds: float | None = None


class Quantization(Schema):
    """How the int8 program came about.

    Divergences are in nats, float against int8, on held-out images: the geometric mean of 16 times
    the KL of the softmax at temperature 4 (docs/recipes.md). ``float_operators`` are those that
    mixed precision left in float, by their modules' paths.
    """

    key: str
    ranges_sha256: Sha256
    calibration: DatasetInfo
    recipe: RecipeInfo
    steps: tuple[Step, ...] = ()
    held_out_images: Count | None = None
    held_out_divergence: float | None = None
    held_out_agreement: Share | None = None
    sqnr_db: float | None = None
    fidelity: Fidelity | None = None
    float_operators: tuple[str, ...] = ()
    seconds: float


class Parity(Schema):
    """The artefact, run in its own runtime, against its reference on the same images.

    ``reference`` is the float network for fp32 and the quantized program for int8, and of an
    artefact that goes on from its logits those of the artefact that gives them. ``max_abs`` is
    the largest difference of an output, ``relative`` that over its largest value, ``sqnr_db`` the
    signal-to-noise of the outputs (null where they are equal), each of the output that differs
    most; ``agreement`` is how far both answer alike, as the task has it, and ``apart`` the share of
    two detectors' scores that differs, null of other tasks. ``criterion`` says what ``passed``
    asked for. Where it failed, ``parted_at`` names the first layer whose result differs
    (null if each is right by itself).
    """

    reference: Literal["float network", "quantized program", "own logits"]
    images: Count
    max_abs: float
    relative: float
    sqnr_db: float | None = None
    agreement: Share
    apart: Share | None = None
    criterion: str
    passed: bool
    parted_at: str | None = None


class Artefact(Schema):
    """One file for one format and build. ``path`` is relative to the manifest's folder.

    ``precision`` is the number type of its values, ``program`` the int8 program it was made from,
    empty for the float network. ``layout`` is that of its input, (1, 3, height, width) or
    (1, height, width, 3), and ``input`` its type: normalized values, or pixels as they are.
    ``output`` is what a segmenter's gives: ``resized`` its logits at the input's size, ``classes``
    the class of each pixel. ``variant`` is what it is called beside the main one of its build.

    An artefact whose parity failed is kept out of the folders of those to ship; ``log`` is that of
    its export.
    """

    key: str
    format: Format
    precision: NumberType
    program: ProgramOf = ""
    variant: str = ""
    layout: Layout = "nchw"
    input: InputType = "float32"
    output: OutputForm = "raw"
    path: InnerPath
    sha256: Sha256
    bytes: Count
    runtime: str
    runtime_version: str
    parity: Parity | None = None
    coverage: Coverage | None = None
    preparation: tuple[str, ...] = ()
    log: str = ""
    seconds: float

    @property
    def rejected(self) -> bool:
        """Whether it does not equal its reference."""
        return self.parity is not None and not self.parity.passed

    @property
    def build(self) -> Build:
        """Precision and program in one word."""
        return build_of(self.precision, self.program)

    @property
    def name(self) -> str:
        """What tells this artefact from the others, such as ``onnx int8``."""
        return " ".join(part for part in (self.format, self.build, self.variant) if part)


class Failure(Schema):
    """A step that did not finish; the other artefacts do not depend on it.

    Where it is about all formats or all builds, these are empty.
    """

    format: str
    precision: NumberType | Literal[""] = ""
    program: ProgramOf = ""
    step: StepName
    message: str
    log: str = ""

    @classmethod
    def of(cls, fmt: str, build: Build | Literal[""], step: StepName, message: str) -> Self:
        """The failure of a step in making ``build`` of a format."""
        return cls(
            format=fmt,
            precision=precision_of(build) if build else "",
            program=program_of(build) if build else "",
            step=step,
            message=message,
        )

    @property
    def build(self) -> Build | Literal[""]:
        """Precision and program in one word."""
        return build_of(self.precision, self.program) if self.precision else ""


class Environment(Schema):
    """The machine the artefacts were made on."""

    python: str
    platform: str
    cpu: str
    cores: Count
    memory_bytes: Count
    versions: dict[str, str]


class Manifest(Schema):
    """The whole file. Times are UTC, ISO 8601."""

    schema_version: Literal[2] = 2
    fbdeploy_version: str
    created: str
    updated: str
    network: NetworkInfo
    weights: Weights
    input_spec: StoredInputSpec
    labels: tuple[str, ...]
    evaluation_data: DatasetInfo | None = None
    float_check: FloatCheck | None = None
    quantizations: dict[ProgramName, Quantization] = Field(default_factory=dict)
    artefacts: tuple[Artefact, ...] = ()
    failures: tuple[Failure, ...] = ()
    environment: Environment

    def artefact(self, key: str) -> Artefact | None:
        """The artefact made from the inputs that ``key`` stands for, if there is one."""
        return next((entry for entry in self.artefacts if entry.key == key), None)


def now() -> str:
    """The time, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_manifest(folder: str | os.PathLike[str]) -> Manifest:
    """The manifest of an output folder, which may also be given by the file itself.

    Raises:
        InputError: there is none, or it is not one this version reads.
    """
    path = Path(folder)
    advice = "give a folder that fbdeploy deploy wrote, or its manifest.json"
    if not is_file(path):
        check_output(path)
        path, advice = path / FILE_NAME, "move it away and deploy again"
    return versioned(
        Manifest, read_json(path, advice), SCHEMA_VERSION, str(path), advice, migrations.MANIFEST
    )


def check_output(folder: Path) -> None:
    """Refuse a folder without a manifest.

    Raises:
        InputError: there is none.
    """
    if not exists(folder / FILE_NAME):
        raise InputError(
            f"{folder}: holds no {FILE_NAME}; give a folder that fbdeploy deploy wrote"
        )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``folder/manifest.json`` whole or not at all.

    Raises:
        InputError: the folder cannot be written or is full.
    """
    with atomic_file(folder / FILE_NAME) as temporary:
        temporary.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
