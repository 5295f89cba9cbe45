"""Demo bundles that were written: held against their schema, their own files, and Python."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel

from fbdeploy.apps import detection_answers, mask_answers
from fbdeploy.apps.bundle_files import GOLDEN_NAME, LABELS_NAME, model_id
from fbdeploy.apps.detection_answers import APART, fits
from fbdeploy.apps.goldens import Asked, allowed_of, answer_of, outputs_of
from fbdeploy.apps.mask_answers import classes_of
from fbdeploy.records.bundle_schema import (
    CONFIG_NAME,
    FOLDER_NAME,
    SCHEMA_VERSION,
    BoxesAnswer,
    BundleModel,
    Golden,
    GoldenImage,
    GoldenOutput,
    MaskAnswer,
    ModelConfig,
)
from fbdeploy.records.manifest import FILE_NAME as MANIFEST_NAME
from fbdeploy.records.manifest import read_manifest
from tasks.table import task_named
from zoo.documents import read_bytes, read_json, versioned
from zoo.errors import InputError, shown
from zoo.files import exists, inside, is_folder, sha256_of
from zoo.input_spec import InputSpec
from zoo.preprocess import Frame, preprocess

LABELS_BYTES = 100_000_000
"""A million classes of 100 characters."""

Preprocess = Callable[[Image.Image, InputSpec], NDArray[np.float32]]

Document = TypeVar("Document", bound=BaseModel)


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read and validated."""

    folder: Path
    config: ModelConfig
    golden: Golden
    labels: tuple[str, ...]


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle and hold it against its schema and its own files.

    Args:
        folder: the bundle, or an output folder that holds one.

    Raises:
        InputError: not a bundle, a file outside the schema, a model that is missing or was
            changed, or labels that do not fit.
    """
    if not exists(folder / CONFIG_NAME) and is_folder(folder / FOLDER_NAME):
        folder = folder / FOLDER_NAME
    config = _read(folder / CONFIG_NAME, ModelConfig)
    golden = _read(folder / GOLDEN_NAME, Golden)
    labels = _read_labels(folder)
    if len(labels) != config.num_classes:
        raise InputError(
            f"{folder / LABELS_NAME}: has {len(labels)} lines for {config.num_classes} classes; "
            "deploy again"
        )
    for image in golden.images:
        _check_image(folder / GOLDEN_NAME, image, config.input)
        _check_answers(folder / GOLDEN_NAME, image, config)
    for model in config.models:
        path = inside(folder, model.file)
        if not exists(path):
            raise InputError(f"{path}: is missing from the demo bundle; deploy again")
        _refuse_links(path)
        if sha256_of(path) != model.sha256:
            raise InputError(f"{path}: is not the model the bundle was written with; deploy again")
    return Bundle(folder, config, golden, labels)


def check_golden(bundle: Bundle, prepare: Preprocess = preprocess) -> list[str]:
    """What Python itself now gets differently from golden.json; empty when all is equal.

    Args:
        bundle: a bundle that was read.
        prepare: pre-processing to hold against the golden tensors.
    """
    spec = bundle.config.input
    failures = []
    for entry in bundle.golden.images:
        raw = np.frombuffer(base64.b64decode(entry.rgb), np.uint8)
        image = Image.fromarray(raw.reshape(entry.height, entry.width, 3), "RGB")
        tensor = prepare(image, spec)
        pixels = np.frombuffer(base64.b64decode(entry.input_rgb), np.uint8)
        planes = pixels.reshape(spec.height, spec.width, 3).transpose(2, 0, 1)
        mean, std = (np.array(values).reshape(3, 1, 1) for values in (spec.mean, spec.std))
        differences = np.abs(tensor - (planes / 255 - mean) / std)
        allowed = bundle.golden.tolerance.tensor + bundle.golden.tolerance.pixel / 255 / min(
            spec.std
        )
        if differences.max() > allowed:
            failures.append(f"{entry.name}: pixels differ by {differences.max():.3g} normalized")
        flat = tensor.ravel()
        worst = max(abs(float(flat[probe.index]) - probe.value) for probe in entry.probes)
        if worst > bundle.golden.tolerance.tensor:
            failures.append(f"{entry.name}: the tensor differs by {worst:.3g}")
        failures += [
            f"{entry.name}: {output.model} does not answer its own outputs so"
            for output in entry.outputs
            if not _answers_so(bundle, entry, output)
        ]
    return failures


def _answers_so(bundle: Bundle, image: GoldenImage, output: GoldenOutput) -> bool:
    """Whether Python makes the same answer of the same outputs, where they are kept; of masks, but
    for what another processor may round otherwise."""
    model = next((model for model in bundle.config.models if model.id == output.model), None)
    if model is None:
        return False
    if not output.values:
        return True
    frame = Frame.of(image.width, image.height, bundle.config.input)
    allowed = allowed_of(bundle.golden.tolerance, model)
    asked = Asked(task_named(bundle.config.task), frame, allowed, APART[model.precision])
    found = answer_of(asked, outputs_of(output, model))
    if isinstance(found, MaskAnswer) and isinstance(output.answer, MaskAnswer):
        return mask_answers.differing(output.answer, found) <= found.undecided
    if isinstance(found, BoxesAnswer) and isinstance(output.answer, BoxesAnswer):
        pixels = detection_answers.differing(output.answer, found, image.width, image.height)
        return pixels is not None and pixels <= found.undecided
    return found == output.answer


def bundled_model(folder: Path, artefact: Path) -> BundleModel:
    """What an artefact of an output folder is in the folder's demo bundle.

    Args:
        folder: what ``deploy`` wrote.
        artefact: a file in it.

    Raises:
        InputError: not an output folder, a file its manifest does not name, no bundle, or one that
            does not hold this artefact.
    """
    manifest = read_manifest(folder)
    places = {(folder / entry.path).resolve(): entry for entry in manifest.artefacts}
    entry = places.get(artefact.resolve())
    if entry is None:
        raise InputError(
            f"{artefact}: is no artefact of {folder}; give one that its {MANIFEST_NAME} names"
        )
    models = _read(folder / FOLDER_NAME / CONFIG_NAME, ModelConfig).models
    found = next((model for model in models if model.id == model_id(entry)), None)
    if found is None:
        raise InputError(
            f"{artefact}: is not in the demo bundle, which holds "
            f"{', '.join(model.id for model in models)}; leave it out"
        )
    if found.sha256 != entry.sha256:
        raise InputError(
            f"{artefact}: the demo bundle holds an older one; deploy again, then fbdeploy bundle"
        )
    return found


def _read(path: Path, document: type[Document]) -> Document:
    advice = "deploy again"
    return versioned(document, read_json(path, advice), SCHEMA_VERSION, str(path), advice)


def _check_image(path: Path, image: GoldenImage, spec: InputSpec) -> None:
    """Raise InputError where a golden image has not as many values as its sizes say."""
    sizes = ((image.rgb, image.height * image.width), (image.input_rgb, spec.height * spec.width))
    try:
        fits = all(len(base64.b64decode(text)) == 3 * pixels for text, pixels in sizes)
    except binascii.Error:
        fits = False
    if not fits or any(probe.index >= 3 * spec.height * spec.width for probe in image.probes):
        raise InputError(f"{path}: {shown(image.name)} is not as large as it says; deploy again")


def _check_answers(path: Path, image: GoldenImage, config: ModelConfig) -> None:
    """Raise InputError where a golden mask is not of the input's pixels, or boxes are not of the
    picture's, or either of other classes than the labels'."""
    for answer in (output.answer for output in image.outputs):
        if isinstance(answer, MaskAnswer):
            what, size = "a mask", (config.input.width, config.input.height)
            right = _fits(answer, size, config.num_classes)
        elif isinstance(answer, BoxesAnswer):
            what, size = "boxes", (image.width, image.height)
            right = fits(answer, *size, config.num_classes)
        else:
            continue
        if not right:
            raise InputError(
                f"{path}: {shown(image.name)} has {what} not of {size[0]}x{size[1]} pixels "
                f"and {config.num_classes} classes; deploy again"
            )


def _fits(answer: MaskAnswer, size: tuple[int, int], classes: int) -> bool:
    try:
        return (answer.width, answer.height) == size and int(classes_of(answer).max()) < classes
    except ValueError:
        return False


def _read_labels(folder: Path) -> tuple[str, ...]:
    path, advice = folder / LABELS_NAME, "deploy again"
    content = read_bytes(path, advice, LABELS_BYTES)
    try:
        return tuple(content.decode("utf-8").removesuffix("\n").split("\n"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8; {advice}") from error


def _refuse_links(path: Path) -> None:
    """Raise InputError where a model's folder holds links, which may lead anywhere."""
    for child in path.rglob("*") if path.is_dir() else ():
        if child.is_symlink():
            raise InputError(f"{child}: is a link; a demo bundle holds files alone, deploy again")
