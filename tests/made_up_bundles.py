"""Demo bundles whose outputs are made up and whose models are named only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fbdeploy.apps.bundle_files import GOLDEN_NAME, LABELS_NAME
from fbdeploy.apps.detection_answers import APART, detection_of
from fbdeploy.apps.goldens import (
    Asked,
    allowed_of,
    golden_image,
    golden_output,
    reference_card,
    tolerance_of,
)
from fbdeploy.records.bundle_schema import (
    CONFIG_NAME,
    BundleInput,
    BundleModel,
    BundleOutput,
    BundleTensor,
    Golden,
    ModelConfig,
)
from tasks.table import task_named
from zoo.datasets import Sample
from zoo.input_spec import InputSpec
from zoo.outputs import TaskName
from zoo.preprocess import Frame

SIZES = ((211, 157), (90, 303), (40, 33))
"""Of the pictures, width and height."""


def cards() -> list[Sample]:
    """A picture of each of ``SIZES``."""
    return [Sample(reference_card().resize(size), None, f"{size[0]}x{size[1]}") for size in SIZES]


def write_made_up(
    bundle: Path,
    name: str,
    task_name: TaskName,
    spec: InputSpec,
    classes: int,
    outputs: Mapping[str, NDArray[np.float32]],
) -> Path:
    """A bundle of one model that gives ``outputs`` (N, ...) for ``cards``."""
    model = BundleModel(
        id="onnx-fp32",
        file="models/onnx-fp32.onnx",
        format="onnx",
        precision="fp32",
        sha256="0" * 64,
        bytes=1,
        input=BundleTensor(name="x", shape=(1, 3, spec.height, spec.width)),
        outputs=tuple(
            BundleOutput(name=name, stored=name, shape=(1, *values.shape[1:]))
            for name, values in outputs.items()
        ),
    )
    task = task_named(task_name)
    tolerance = tolerance_of(task.name, [model], {model.id: dict(outputs)})
    images = []
    for index, card in enumerate(cards()):
        frame = Frame.of(*card.image.size, spec)
        asked = Asked(task, frame, allowed_of(tolerance, model), APART[model.precision])
        images.append(golden_image(card, spec, [golden_output(asked, model.id, outputs, index)]))
    config = ModelConfig(
        network=name,
        task=task.name,
        input=BundleInput(**vars(spec)),
        num_classes=classes,
        models=(model,),
        detection=detection_of(task.name),
    )
    golden = Golden(network=name, tolerance=tolerance, images=tuple(images))
    bundle.mkdir(parents=True)
    (bundle / LABELS_NAME).write_text("".join(f"class {index}\n" for index in range(classes)))
    (bundle / CONFIG_NAME).write_text(config.model_dump_json(indent=1))
    (bundle / GOLDEN_NAME).write_text(golden.model_dump_json(by_alias=True))
    return bundle
