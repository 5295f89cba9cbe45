"""The demo bundle's two JSON files: the contract between Python, the Android and the iOS app.

``fbdeploy.apps.write_schemas`` writes these classes as JSON Schemas, for whoever writes another
app.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from export.format_info import FORMAT_INFO, InputType, NumberType
from fbdeploy.records.builds import ProgramOf
from fbdeploy.records.fields import AllRequired, InnerPath, Sha256, all_there
from fbdeploy.records.one_of import OneOf
from zoo.documents import LARGEST_COUNT, Count, Schema
from zoo.input_spec import MOST_CLASSES, InputSpec
from zoo.outputs import TaskName

SCHEMA_VERSION = 2
FOLDER_NAME = "demo_bundle"
CONFIG_NAME = "model_config.json"
APP_FORMATS = tuple(info.name for info in FORMAT_INFO.values() if info.apps)
AppFormat = Annotated[str, OneOf(APP_FORMATS)]
NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[int, Field(gt=0, le=LARGEST_COUNT)]
Share = Annotated[float, Field(ge=0, le=1)]
Base64 = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]


@dataclass(frozen=True)
class BundleInput(InputSpec):
    """What the network expects, and how the apps hand it over; pixels are divided by 255."""

    layout: Literal["NCHW"] = "NCHW"
    color: Literal["RGB"] = "RGB"


class BundleTensor(Schema):
    """A model's input; ``name`` is empty where the format goes by position.

    ``shape`` is the file's own: (1, 3, height, width), or (1, height, width, 3) for a model that
    takes the image's values pixel by pixel. ``dtype`` float32 is for normalized values, uint8 for
    the pixels as they are, and image for a picture of (1, 3, height, width), which Core ML takes in
    a buffer of its own.
    """

    name: str
    shape: tuple[Positive, ...]
    dtype: InputType = "float32"


class BundleOutput(Schema):
    """One of a model's outputs, in order.

    ``name`` is the network's own, the same in every format; ``stored`` what the file calls it,
    empty where the format goes by position.
    """

    name: Annotated[str, Field(min_length=1)]
    stored: str
    shape: tuple[Positive, ...]
    dtype: Literal["float32"] = "float32"


class BundleModel(Schema):
    """One model; ``file`` is relative to the bundle, ``id`` is ``format-build[-variant]``."""

    id: str
    file: InnerPath
    format: AppFormat
    precision: NumberType
    program: ProgramOf = ""
    sha256: Sha256
    bytes: Positive
    input: BundleTensor
    outputs: Annotated[tuple[BundleOutput, ...], Field(min_length=1)]


class BundleDetection(Schema):
    """What of a detector's answer is shown: detections with a score above ``score_threshold``,
    which is rounded to float32 as scores are, until the user chooses another, and of their masks
    the pixels from ``mask_threshold`` on."""

    score_threshold: Share
    mask_threshold: Share


class ModelConfig(Schema):
    """``model_config.json``; ``task`` says how outputs become an answer.

    ``detection`` is there for detectors alone.
    """

    schema_version: Literal[2] = 2
    network: str
    task: TaskName
    input: Annotated[BundleInput, BeforeValidator(partial(all_there, BundleInput)), AllRequired()]
    num_classes: Annotated[int, Field(ge=1, le=MOST_CLASSES)]
    models: tuple[BundleModel, ...]
    detection: BundleDetection | None = None


class OutputTolerance(Schema):
    """How far an output of a phone may lie from Python's for models of one precision."""

    precision: NumberType
    output: str
    max_abs: NonNegative


class Tolerance(Schema):
    """Largest allowed differences: 8-bit pixels after the crop, normalized values, outputs.

    ``outputs`` is empty for detectors, whose detections are compared, wherever they stand in the
    outputs (``BoxesAnswer.apart``).
    """

    pixel: Annotated[int, Field(ge=0, le=255)]
    tensor: NonNegative
    outputs: tuple[OutputTolerance, ...]


class Probe(Schema):
    """One value of the reference tensor; ``index`` is flat in NCHW order."""

    index: Count
    value: float


class Ranked(Schema):
    """One class of the top five; ``probability`` is the softmax of the logits."""

    model_config = Schema.model_config | {"populate_by_name": True}

    class_index: Annotated[int, Field(ge=0, le=LARGEST_COUNT, alias="class")]
    probability: Annotated[float, Field(ge=0, le=1)]


class RankingAnswer(Schema):
    """A classifier's answer: the likeliest classes, the likeliest first."""

    kind: Literal["ranking"] = "ranking"
    top: tuple[Ranked, ...]


class ClassShare(Schema):
    """How many pixels of a mask are of one class."""

    model_config = Schema.model_config | {"populate_by_name": True}

    class_index: Annotated[int, Field(ge=0, le=LARGEST_COUNT, alias="class")]
    pixels: Positive


class MaskAnswer(Schema):
    """A segmenter's answer: the class of each pixel of the network's input.

    How outputs become it: the float32 ``logits`` (1, classes, h, w) are resized to the input's
    ``height`` and ``width``, bilinearly: pixel i of n lies at max((i + 0.5) size / n - 0.5, 0)
    along a side of ``size`` values, and beyond the last of them has its value (``align_corners``
    false).
    The largest of a pixel's logits is its class, the lower index among equal ones.

    ``runs``: base64 of three bytes a run of pixels of one class, row after row: the class, and the
    run's length as little-endian uint16; a longer one is told as several.
    ``shares``: of the pixels that show the picture, not its padding; the largest first, the lower
    class among equal ones.
    ``undecided``: pixels that an app may tell otherwise of the very same logits: another class is
    as near as float32's rounding.
    ``close``: those that it may tell otherwise of logits of its own, within ``OutputTolerance``:
    another class is as near as twice that.
    """

    kind: Literal["mask"] = "mask"
    width: Positive
    height: Positive
    runs: Base64
    shares: tuple[ClassShare, ...]
    undecided: Count
    close: Count


class Detected(Schema):
    """One detection: ``box`` is left, top, right and bottom in the picture's continuous pixels.

    ``mask``: lengths of runs of pixels that are not and that are the object's in turn, down the
    columns of the picture, the first of those that are not (COCO's run lengths); null of a detector
    without masks, and of detections that are not shown.
    """

    model_config = Schema.model_config | {"populate_by_name": True}

    class_index: Annotated[int, Field(ge=0, le=LARGEST_COUNT, alias="class")]
    score: NonNegative
    box: tuple[NonNegative, NonNegative, NonNegative, NonNegative]
    mask: tuple[Count, ...] | None = None


class BoxesAnswer(Schema):
    """A detector's answer: what it found, the best first.

    How outputs become it, all in float64: of the places of ``scores`` (1, D) those above 0 are
    detections, the largest score first and the first place among equals. ``labels`` (1, D),
    rounded, is the class, an index of labels.txt. ``boxes`` (1, D, 4) are in pixels of the input:
    with the picture of W x H pixels resized to w x h, of which the input's left upper corner is at
    (left, top), a horizontal x is (x + left) W / w, a vertical y is (y + top) H / h, each clipped
    to the picture and rounded to float32. The picture stands upright, a frame turned before the
    network saw it.

    ``masks`` (1, D, S, S) are probabilities over the area of a box. Only pixels of the picture
    whose column is from the box's left, rounded down, to its right, rounded up, and whose row
    likewise, can be the object's. The centre of column i, i + 0.5, lies at u = (i + 0.5 - left) /
    (right - left) S - 0.5 of a mask's columns, rows likewise; column j has the weight max(0, 1 -
    abs(u - j)), and nothing beyond the mask has any. A pixel is the object's where the sum so
    weighted is at least ``mask_threshold``; of a box without area, none.

    ``shown``: how many of the detections, the first ones, are above ``score_threshold``.
    ``undecided``: pixels of their masks that an app may tell otherwise of the very same outputs:
    the threshold is as near as float64's rounding.
    ``apart``: how much of both scores may differ where an app answers to outputs of its own, since
    kernels choose between boxes that are as good. Detections of one class whose boxes overlap by
    half or more (intersection over union) are pairs, those that overlap most first; the sum over
    pairs of twice the smaller score times the overlap, over the sum of all scores of both sides,
    falls short of 1 by what differs. Boxes without area count for nothing. With the masks' overlap
    in place of the boxes', of what both show, twice as much may.
    """

    kind: Literal["boxes"] = "boxes"
    detections: tuple[Detected, ...]
    shown: Count
    undecided: Count
    apart: Share


Answer = Annotated[RankingAnswer | MaskAnswer | BoxesAnswer, Field(discriminator="kind")]


class OutputValues(Schema):
    """One output on one image: base64 of little-endian float32, in the order of its shape."""

    name: str
    float32: Base64


class GoldenOutput(Schema):
    """What Python's runtime gives for one model (``BundleModel.id``) on one image, in the order of
    the model's outputs, and the answer that Python makes of it, each task's of its own kind.

    ``values`` is empty where an output is too large to be kept: only the answer is compared then.
    """

    model: str
    values: tuple[OutputValues, ...]
    answer: Answer


class GoldenImage(Schema):
    """Pixels and what Python makes of them.

    ``rgb``: base64 of uint8 (height, width, 3). ``input_rgb``: the same after resize and crop,
    uint8 (input height, input width, 3). ``probes``: values of the normalized tensor.
    """

    name: str
    width: Positive
    height: Positive
    label: Count | None
    rgb: Base64
    input_rgb: Base64
    probes: Annotated[tuple[Probe, ...], Field(min_length=1)]
    outputs: tuple[GoldenOutput, ...]


class Golden(Schema):
    """``golden.json``."""

    schema_version: Literal[2] = 2
    network: str
    tolerance: Tolerance
    images: tuple[GoldenImage, ...]
