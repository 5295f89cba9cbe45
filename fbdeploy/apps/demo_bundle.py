"""The demo bundle: what ``deploy`` made, packed for the Android and the iOS app.

OUT/demo_bundle/models/*           the artefacts the apps can run
OUT/demo_bundle/labels.txt         one class name a line
OUT/demo_bundle/model_config.json  input, models, their tensors (``bundle_schema.ModelConfig``)
OUT/demo_bundle/golden.json        pixels -> tensor -> outputs -> answer (``Golden``)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.coremltools_import import import_coremltools
from export.format_info import FORMAT_INFO, InputType
from fbdeploy.apps.bundle_files import (
    GOLDEN_NAME,
    LABELS_NAME,
    MARKS,
    copy,
    files_of,
    model_id,
)
from fbdeploy.apps.detection_answers import APART, detection_of
from fbdeploy.apps.goldens import (
    Asked,
    allowed_of,
    golden_image,
    golden_output,
    prepared,
    tolerance_of,
)
from fbdeploy.records.bundle_schema import (
    APP_FORMATS,
    CONFIG_NAME,
    FOLDER_NAME,
    BundleInput,
    BundleModel,
    BundleOutput,
    BundleTensor,
    Golden,
    ModelConfig,
)
from fbdeploy.records.manifest import Artefact, read_manifest
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.pixels import for_normalized
from tasks.table import task_named
from zoo.datasets import Sample
from zoo.errors import InputError
from zoo.files import atomic_folder, exists, inside, sha256_of
from zoo.input_spec import InputSpec
from zoo.preprocess import Frame


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
        entry
        for entry in manifest.artefacts
        if entry.format in APP_FORMATS and not entry.rejected and entry.output == "raw"
    ]
    if not artefacts:
        raise InputError(
            f"{folder}: holds no artefact the apps can run; deploy with --formats onnx,executorch"
        )
    if not samples:
        raise InputError(f"{folder}: a demo bundle needs golden images; give at least one")
    spec = manifest.input_spec
    samples, tensors = prepared(samples, spec)
    target = folder / FOLDER_NAME
    with atomic_folder(target, MARKS) as temporary:
        (temporary / "models").mkdir(parents=True)
        task = task_named(manifest.network.task)
        models, outputs = [], dict[str, dict[str, NDArray[np.float32]]]()
        for artefact in artefacts:
            model, values = _pack_model(folder, artefact, temporary, spec, tensors, threads)
            models.append(model)
            outputs[model.id] = values
        config = ModelConfig(
            network=manifest.network.name,
            task=task.name,
            input=BundleInput(**asdict(spec)),
            num_classes=len(manifest.labels),
            models=tuple(models),
            detection=detection_of(task.name),
        )
        tolerance = tolerance_of(task.name, models, outputs)
        golden = Golden(
            network=manifest.network.name,
            tolerance=tolerance,
            images=tuple(
                golden_image(
                    sample,
                    spec,
                    [
                        golden_output(
                            Asked(
                                task,
                                Frame.of(*sample.image.size, spec),
                                allowed_of(tolerance, model),
                                APART[model.precision],
                            ),
                            model.id,
                            outputs[model.id],
                            index,
                        )
                        for model in models
                    ],
                )
                for index, sample in enumerate(samples)
            ),
        )
        (temporary / LABELS_NAME).write_text(_one_line_each(manifest.labels), encoding="utf-8")
        (temporary / CONFIG_NAME).write_text(config.model_dump_json(indent=1) + "\n")
        (temporary / GOLDEN_NAME).write_text(golden.model_dump_json(by_alias=True) + "\n")
    return target


def _pack_model(
    folder: Path,
    artefact: Artefact,
    bundle: Path,
    spec: InputSpec,
    tensors: NDArray[np.float32],
    threads: int,
) -> tuple[BundleModel, dict[str, NDArray[np.float32]]]:
    """A model in the bundle, and its outputs for ``tensors``, float32 (N, 3, H, W)."""
    source = inside(folder, artefact.path)
    if not exists(source):
        raise InputError(f"{source}: is in the manifest but not on the disk; deploy again")
    identity = model_id(artefact)
    path = bundle / "models" / f"{identity}{source.suffix}"
    copy(source, path)
    session = runtime_of(path).load(path, threads)
    values = for_normalized(session, spec).run(tensors)
    takes: InputType = "float32"
    if session.pixels is not None:
        takes = FORMAT_INFO[artefact.format].pixel_variant
    names = _TENSOR_NAMES.get(artefact.format)
    input_name, stored = ("", ("",) * len(values)) if names is None else names(path)
    model = BundleModel(
        id=identity,
        file=path.relative_to(bundle).as_posix(),
        format=artefact.format,
        precision=artefact.precision,
        program=artefact.program,
        sha256=sha256_of(path),
        bytes=sum(file.stat().st_size for file in files_of(path)),
        input=BundleTensor(name=input_name, shape=session.stored_shape, dtype=takes),
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
    description = import_coremltools().utils.load_spec(str(path)).description
    # A classifier of pictures also gives its class and a dictionary by class: no tensors.
    tensors = [o for o in description.output if o.type.WhichOneof("Type") == "multiArrayType"]
    return description.input[0].name, tuple(output.name for output in tensors)


_TENSOR_NAMES: dict[str, Callable[[Path], tuple[str, tuple[str, ...]]]] = {
    "onnx": _onnx_names,
    "coreml": _coreml_names,
}
"""What reads a model's input and output names, for formats that go by name and not position."""


def _one_line_each(labels: Sequence[str]) -> str:
    """One label a line; what would end a line, for one of the apps or for Python, is a space."""
    lines = (" ".join(label.splitlines()) for label in labels)
    return "".join(f"{line}\n" for line in lines)
