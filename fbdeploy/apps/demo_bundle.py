"""The demo bundle: what ``deploy`` made, packed for the Android and the iOS app.

OUT/demo_bundle/models/*           the artefacts the apps can run
OUT/demo_bundle/labels.txt         one class name a line
OUT/demo_bundle/model_config.json  input, models, their tensors (``bundle_schema.ModelConfig``)
OUT/demo_bundle/golden.json        pixels -> tensor -> outputs -> answer (``Golden``)
"""

from __future__ import annotations

import base64
import binascii
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel

from export.format_info import FORMAT_INFO
from fbdeploy.apps.goldens import (
    answer_of,
    golden_image,
    golden_output,
    outputs_of,
    prepared,
    tolerance_of,
)
from fbdeploy.records.bundle_schema import (
    APP_FORMATS,
    CONFIG_NAME,
    FOLDER_NAME,
    SCHEMA_VERSION,
    BundleInput,
    BundleModel,
    BundleOutput,
    BundleTensor,
    Golden,
    GoldenImage,
    ModelConfig,
)
from fbdeploy.records.manifest import FILE_NAME as MANIFEST_NAME
from fbdeploy.records.manifest import Artefact, InputSpecInfo, read_manifest
from runtime_bench.runtimes import runtime_of
from tasks.table import task_named
from zoo.datasets import Sample
from zoo.documents import read_bytes, read_json, versioned
from zoo.errors import InputError, shown
from zoo.files import atomic_folder, exists, inside, is_file, is_folder, sha256_of
from zoo.input_spec import InputSpec
from zoo.preprocess import preprocess

GOLDEN_NAME, LABELS_NAME, README = "golden.json", "labels.txt", "README.md"
MARKS = (CONFIG_NAME, README)
"""What tells a bundle's folder; ios_demo keeps the README in it, which its project needs."""
ANDROID_FORMATS = tuple(i.name for i in FORMAT_INFO.values() if "android" in i.apps)
IOS_FORMATS = tuple(i.name for i in FORMAT_INFO.values() if "ios" in i.apps)

LABELS_BYTES = 100_000_000
"""A million classes of 100 characters."""

Preprocess = Callable[[Image.Image, InputSpec], NDArray[np.float32]]
Document = TypeVar("Document", bound=BaseModel)


def write_bundle(folder: Path, samples: Sequence[Sample], threads: int = 1) -> Path:
    """Pack the artefacts of an output folder into ``folder/demo_bundle``.

    Args:
        folder: what ``deploy`` wrote; its manifest names the artefacts.
        samples: the golden images (``golden_samples``).
        threads: for running the models on the golden images.

    Returns:
        The bundle's folder; an earlier bundle is replaced.

    Raises:
        InputError: no manifest, no artefact an app could run, a missing artefact, no samples, or a
            folder that cannot be written.
    """
    manifest = read_manifest(folder)
    artefacts = [
        entry for entry in manifest.artefacts if entry.format in APP_FORMATS and not entry.rejected
    ]
    if not artefacts:
        raise InputError(
            f"{folder}: holds no artefact the apps can run; deploy with --formats onnx,executorch"
        )
    if not samples:
        raise InputError(f"{folder}: a demo bundle needs golden images; give at least one")
    spec = input_spec(manifest.input_spec)
    samples, tensors = prepared(samples, spec)
    target = folder / FOLDER_NAME
    with atomic_folder(target, MARKS) as temporary:
        (temporary / "models").mkdir(parents=True)
        task = task_named(manifest.network.task)
        models, outputs = [], dict[str, dict[str, NDArray[np.float32]]]()
        for artefact in artefacts:
            model, values = _pack_model(folder, artefact, temporary, tensors, threads)
            models.append(model)
            outputs[model.id] = values
        config = ModelConfig(
            network=manifest.network.name,
            task=task.name,
            input=BundleInput(**manifest.input_spec.model_dump()),
            num_classes=len(manifest.labels),
            models=tuple(models),
        )
        golden = Golden(
            network=manifest.network.name,
            tolerance=tolerance_of(models, outputs),
            images=tuple(
                golden_image(
                    sample, spec, [golden_output(task, *one, index) for one in outputs.items()]
                )
                for index, sample in enumerate(samples)
            ),
        )
        (temporary / LABELS_NAME).write_text(_one_line_each(manifest.labels), encoding="utf-8")
        (temporary / CONFIG_NAME).write_text(config.model_dump_json(indent=1) + "\n")
        (temporary / GOLDEN_NAME).write_text(golden.model_dump_json(by_alias=True) + "\n")
    return target


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
    spec, task = input_spec(bundle.config.input), task_named(bundle.config.task)
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
            if answer_of(task, outputs_of(output)) != output.answer
        ]
    return failures


def install_bundle(bundle: Path, app: Path) -> Path:
    """Copy a bundle into an app's project, without the models the app cannot run.

    Args:
        bundle: the bundle, or an output folder that holds one.
        app: ``android_demo`` or ``ios_demo``, or a copy of one.

    Returns:
        The folder inside the app, replaced if there was one.

    Raises:
        InputError: not a bundle, not one of the apps, or no model of it runs in the app.
    """
    read = read_bundle(bundle)
    if is_file(app / "settings.gradle.kts"):
        target, formats = app / "app/src/main/assets" / FOLDER_NAME, ANDROID_FORMATS
    elif is_folder(app / "Demo.xcodeproj"):
        target, formats = app / FOLDER_NAME, IOS_FORMATS
    else:
        raise InputError(
            f"{app}: is neither android_demo nor ios_demo; give the folder with "
            "settings.gradle.kts or Demo.xcodeproj"
        )
    models = tuple(model for model in read.config.models if model.format in formats)
    if not models:
        raise InputError(
            f"{bundle}: holds no model for {app.name}; deploy with --formats {','.join(formats)}"
        )
    kept = {model.id for model in models}
    images = tuple(
        image.model_copy(
            update={"outputs": tuple(out for out in image.outputs if out.model in kept)}
        )
        for image in read.golden.images
    )
    config = read.config.model_copy(update={"models": models})
    golden = read.golden.model_copy(update={"images": images})
    with atomic_folder(target, MARKS) as temporary:
        temporary.mkdir()
        for model in models:
            (temporary / model.file).parent.mkdir(parents=True, exist_ok=True)
            _copy(read.folder / model.file, temporary / model.file)
        shutil.copyfile(read.folder / LABELS_NAME, temporary / LABELS_NAME)
        if (target / README).exists():
            shutil.copyfile(target / README, temporary / README)
        (temporary / CONFIG_NAME).write_text(config.model_dump_json(indent=1) + "\n")
        (temporary / GOLDEN_NAME).write_text(golden.model_dump_json(by_alias=True) + "\n")
    return target


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


def model_id(artefact: Artefact) -> str:
    """What the apps call an artefact: ``format-precision`` or ``format-precision-variant``."""
    parts = (artefact.format, artefact.precision, artefact.variant)
    return "-".join(part for part in parts if part)


def input_spec(info: InputSpecInfo | BundleInput) -> InputSpec:
    """The InputSpec that a manifest or a bundle holds."""
    return InputSpec(
        height=info.height,
        width=info.width,
        mean=info.mean,
        std=info.std,
        crop_pct=info.crop_pct,
        interpolation=info.interpolation,
        crop_mode=info.crop_mode,
    )


def _pack_model(
    folder: Path, artefact: Artefact, bundle: Path, tensors: NDArray[np.float32], threads: int
) -> tuple[BundleModel, dict[str, NDArray[np.float32]]]:
    """A model in the bundle, and its outputs for ``tensors``, float32 (N, 3, H, W)."""
    source = inside(folder, artefact.path)
    if not exists(source):
        raise InputError(f"{source}: is in the manifest but not on the disk; deploy again")
    identity = model_id(artefact)
    path = bundle / "models" / f"{identity}{source.suffix}"
    _copy(source, path)
    values = runtime_of(path).load(path, threads).run(tensors)
    names = _TENSOR_NAMES.get(artefact.format)
    input_name, stored = ("", ("",) * len(values)) if names is None else names(path)
    model = BundleModel(
        id=identity,
        file=path.relative_to(bundle).as_posix(),
        format=artefact.format,
        precision=artefact.precision,
        sha256=sha256_of(path),
        bytes=sum(file.stat().st_size for file in _files(path)),
        input=BundleTensor(name=input_name, shape=(1, *tensors.shape[1:])),
        outputs=tuple(
            BundleOutput(name=name, stored=kept, shape=(1, *value.shape[1:]))
            for (name, value), kept in zip(values.items(), stored, strict=True)
        ),
    )
    return model, values


def _onnx_names(path: Path) -> tuple[str, tuple[str, ...]]:
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    return graph.input[0].name, tuple(output.name for output in graph.output)


def _coreml_names(path: Path) -> tuple[str, tuple[str, ...]]:
    import coremltools

    description = coremltools.utils.load_spec(str(path)).description
    return description.input[0].name, tuple(output.name for output in description.output)


_TENSOR_NAMES: dict[str, Callable[[Path], tuple[str, tuple[str, ...]]]] = {
    "onnx": _onnx_names,
    "coreml": _coreml_names,
}
"""What reads a model's input and output names, for formats that go by name and not position."""


def _read(path: Path, document: type[Document]) -> Document:
    advice = "deploy again"
    return versioned(document, read_json(path, advice), SCHEMA_VERSION, str(path), advice)


def _check_image(path: Path, image: GoldenImage, spec: BundleInput) -> None:
    """Raise InputError where a golden image has not as many values as its sizes say."""
    sizes = ((image.rgb, image.height * image.width), (image.input_rgb, spec.height * spec.width))
    try:
        fits = all(len(base64.b64decode(text)) == 3 * pixels for text, pixels in sizes)
    except binascii.Error:
        fits = False
    if not fits or any(probe.index >= 3 * spec.height * spec.width for probe in image.probes):
        raise InputError(f"{path}: {shown(image.name)} is not as large as it says; deploy again")


def _read_labels(folder: Path) -> tuple[str, ...]:
    path, advice = folder / LABELS_NAME, "deploy again"
    content = read_bytes(path, advice, LABELS_BYTES)
    try:
        return tuple(content.decode("utf-8").removesuffix("\n").split("\n"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8; {advice}") from error


def _one_line_each(labels: Sequence[str]) -> str:
    """One label a line; what would end a line, for one of the apps or for Python, is a space."""
    lines = (" ".join(label.splitlines()) for label in labels)
    return "".join(f"{line}\n" for line in lines)


def _refuse_links(path: Path) -> None:
    """Raise InputError where a model's folder holds links, which may lead anywhere."""
    for child in path.rglob("*") if path.is_dir() else ():
        if child.is_symlink():
            raise InputError(f"{child}: is a link; a demo bundle holds files alone, deploy again")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
