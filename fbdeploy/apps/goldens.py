"""Golden pictures: pixels, what Python makes of them, and how far an app may differ from it."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from export.format_info import NumberType
from fbdeploy.apps.detection_answers import boxes_answer
from fbdeploy.apps.mask_answers import mask_answer
from fbdeploy.records.bundle_schema import (
    Answer,
    BundleModel,
    GoldenImage,
    GoldenOutput,
    OutputTolerance,
    OutputValues,
    Probe,
    Ranked,
    RankingAnswer,
    Tolerance,
)
from tasks.base import Outputs, Task
from tasks.classification.task import Ranking
from tasks.logits import logits_of
from tasks.segmentation.task import Segmented
from zoo.datasets import BadImageError, Dataset, Sample, evenly_spaced
from zoo.errors import InputError, shown
from zoo.images import UnusableImageError
from zoo.input_spec import InputSpec
from zoo.outputs import TaskName
from zoo.preprocess import Frame, preprocess, resize_and_crop

GOLDEN_SAMPLES = 8
FEWER_SAMPLES: dict[TaskName, int] = {"segmentation": 3, "detection": 3}
"""Where each picture may have half a megabyte of outputs a model, which a phone reads at once."""
VALUES_BYTES = 1 << 19
"""An output of more bytes is not kept: 21 classes at an eighth of 520 pixels have 355 kB."""
PROBES = 64
# The apps repeat Pillow's fixed-point resize to the bit; a float32 division may round differently.
PIXEL_TOLERANCE, TENSOR_TOLERANCE = 0, 1e-5
# Of an output's largest value. Float kernels sum in another order; Core ML may compute in float16
# on the Neural Engine; int8 kernels of x86 and ARM may differ by a step in a few places.
OUTPUT_TOLERANCE: dict[NumberType, float] = {
    "fp32": 1e-2,
    "fp16": 2e-2,
    "int8": 5e-2,
}


def samples_of(task: TaskName) -> int:
    """How many images of a dataset the goldens of a task have."""
    return FEWER_SAMPLES.get(task, GOLDEN_SAMPLES)


def golden_samples(dataset: Dataset, count: int = GOLDEN_SAMPLES) -> list[Sample]:
    """``count`` images spread over the dataset, and the reference card.

    Raises:
        BadImageError: one cannot be read, unless the dataset skips such (then it is left out).
    """
    chosen: list[Sample] = []
    for index in evenly_spaced(len(dataset), count):
        try:
            chosen.append(dataset.sample(index))
        except BadImageError as error:
            if not dataset.skip_bad_images:
                raise
            dataset.skipped[error.name] = error.reason
    return [*chosen, Sample(reference_card(), None, "reference-card")]


def prepared(
    samples: Sequence[Sample], spec: InputSpec
) -> tuple[list[Sample], NDArray[np.float32]]:
    """The samples that can be pre-processed, and their tensors, float32 (N, 3, H, W)."""
    kept, tensors = [], []
    for sample in samples:
        with suppress(UnusableImageError):
            tensors.append(preprocess(sample.image, spec))
            kept.append(sample)
    return kept, np.stack(tensors)


def reference_card(width: int = 211, height: int = 157) -> Image.Image:
    """A picture that shows errors of pre-processing: not square, every channel different.

    Gradients (crop and orientation), stripes of one pixel (antialiasing), hard edges (overshoot)
    and noise from a linear congruential generator (Numerical Recipes' constants).
    """
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    red = x * 255 // (width - 1)
    green = y * 255 // (height - 1)
    blue = np.where((x // 16 + y // 16) % 2 == 0, 230, 20)
    card = np.stack([red, green, blue], axis=-1)
    card[height // 2 :, : width // 3] = np.where(x[height // 2 :, : width // 3, None] % 2, 255, 0)
    state, noise = 2026, np.empty(height // 3 * (width // 3), np.int64)
    for index in range(noise.size):
        state = (1664525 * state + 1013904223) % 2**32
        noise[index] = state >> 24
    card[: height // 3, -(width // 3) :, 1] = noise.reshape(height // 3, width // 3)
    return Image.fromarray(card.astype(np.uint8), "RGB")


def tolerance_of(
    task: TaskName,
    models: Sequence[BundleModel],
    outputs: dict[str, dict[str, NDArray[np.float32]]],
) -> Tolerance:
    """How far apps may differ from what ``models`` gave; ``outputs`` (N, ...) are by their id and
    by name. Places in a detector's outputs mean nothing, and so have none."""
    if task == "detection":
        return Tolerance(pixel=PIXEL_TOLERANCE, tensor=TENSOR_TOLERANCE, outputs=())
    largest: dict[str, float] = {}
    for values in outputs.values():
        for name, value in values.items():
            largest[name] = max(largest.get(name, 0.0), float(np.abs(value).max()))
    precisions = sorted({model.precision for model in models})
    return Tolerance(
        pixel=PIXEL_TOLERANCE,
        tensor=TENSOR_TOLERANCE,
        outputs=tuple(
            OutputTolerance(
                precision=precision, output=name, max_abs=OUTPUT_TOLERANCE[precision] * size
            )
            for precision in precisions
            for name, size in largest.items()
        ),
    )


def golden_image(
    sample: Sample, spec: InputSpec, outputs: Sequence[GoldenOutput] = ()
) -> GoldenImage:
    """A picture, what Python makes of it for ``spec``, and what the models answered to that."""
    image = sample.image.convert("RGB")
    flat = preprocess(image, spec).ravel()
    # An odd stride visits all rows, columns and channels.
    indices = np.linspace(0, flat.size - 1, PROBES).astype(int)
    return GoldenImage(
        name=sample.name,
        width=image.width,
        height=image.height,
        label=sample.label,
        rgb=base64.b64encode(image.tobytes()).decode(),
        input_rgb=base64.b64encode(resize_and_crop(image, spec).tobytes()).decode(),
        probes=tuple(Probe(index=int(index), value=float(flat[index])) for index in indices),
        outputs=tuple(outputs),
    )


@dataclass(frozen=True)
class Asked:
    """What an answer depends on beside the outputs: the task, how the picture lies under the input,
    and how far an app's logits (``OutputTolerance.max_abs``) or its detections may differ
    (``BoxesAnswer.apart``)."""

    task: Task
    frame: Frame
    allowed: float
    apart: float = 0.0


def golden_output(asked: Asked, model: str, outputs: Outputs, index: int) -> GoldenOutput:
    """What a model gives on image ``index``, of its ``outputs`` (N, ...) by name."""
    own = {name: value[index : index + 1] for name, value in outputs.items()}
    kept = all(value.nbytes <= VALUES_BYTES for value in own.values())
    return GoldenOutput(
        model=model,
        values=tuple(
            OutputValues(
                name=name, float32=base64.b64encode(value.astype("<f4").tobytes()).decode()
            )
            for name, value in (own.items() if kept else ())
        ),
        answer=answer_of(asked, own),
    )


def outputs_of(golden: GoldenOutput, model: BundleModel) -> dict[str, NDArray[np.float32]]:
    """The outputs of one image by name, batch of one; none where they were not kept.

    Raises:
        InputError: they are not what the model gives.
    """
    shapes = {output.name: output.shape for output in model.outputs}
    found = {
        value.name: np.frombuffer(base64.b64decode(value.float32), "<f4").astype(np.float32)
        for value in golden.values
    }
    for name, values in found.items():
        if name not in shapes or values.size != math.prod(shapes[name]):
            raise InputError(
                f"{golden.model}: its golden {shown(name)} is no output of the model's"
            )
    return {name: values.reshape(shapes[name]) for name, values in found.items()}


def answer_of(asked: Asked, outputs: Outputs) -> Answer:
    """What Python answers to the outputs of one image.

    Raises:
        InputError: the apps show no answers of this task.
    """
    frame = asked.frame
    if asked.task.name == "detection":
        (found,) = asked.task.decode(outputs, [frame])
        return boxes_answer(found, outputs, frame, asked.apart)
    (prediction,) = asked.task.decode(outputs, [Frame.whole(frame.input_width, frame.input_height)])
    if isinstance(prediction, Segmented):
        (logits,) = logits_of(outputs)
        return mask_answer(prediction.classes.pixels(), logits, frame, asked.allowed)
    if not isinstance(prediction, Ranking):
        raise InputError(
            f"{asked.task.name}: the apps show no such answers yet; deploy without a bundle"
        )
    ranked = zip(prediction.classes, prediction.probabilities, strict=True)
    return RankingAnswer(
        top=tuple(
            Ranked(class_index=index, probability=probability) for index, probability in ranked
        )
    )


def allowed_of(tolerance: Tolerance, model: BundleModel) -> float:
    """How far an app's logits may lie from what ``model`` gave; 0 where it gives none."""
    found = {
        entry.output: entry for entry in tolerance.outputs if entry.precision == model.precision
    }
    if "logits" in found or len(found) == 1:
        return logits_of(found).max_abs
    return 0.0
