"""Output folders with predictions on 10,000 images, for the regression check to compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fbdeploy.records.manifest import DatasetInfo, Manifest, write_manifest
from fbdeploy.records.predictions import Predictions, write_predictions
from fbdeploy.records.results import EvaluationLine, Line, append_line
from runtime_bench.measurement import Measurement
from stats.noise import Noise
from tasks.classification.task import Ranking
from tests.fbdeploy.samples import digest, sample

IMAGES = 10_000
CLASSES = 10
LABELS = (np.arange(IMAGES) % CLASSES).astype(np.int32)
Top1 = NDArray[np.int32]


def answers() -> tuple[Top1, dict[str, Top1]]:
    """The float network's top-1, right on 93 %, and every artefact's, int8 flipping 1 % of them."""
    generator = np.random.default_rng(7)
    reference = flip(LABELS, generator.choice(IMAGES, 700, replace=False))
    found = {}
    for entry in sample()[0].artefacts:
        few = generator.choice(IMAGES, 100, replace=False) if entry.precision != "fp32" else []
        found[entry.path] = flip(reference, few)
    return reference, found


def predictions(
    images_sha256: str, names: tuple[str, ...], labels: Top1, top1: Top1, reference: Top1
) -> Predictions:
    """What a classifier predicts that tells no second class."""
    parts = {"agreement": top1 == reference}
    if labels.min(initial=0) >= 0:
        parts["top1"] = top1 == labels
    count = 1 + int(max(top1.max(initial=0), reference.max(initial=0)))
    return Predictions(
        images_sha256=images_sha256,
        names=names,
        task="classification",
        predictions=[Ranking((answer,), (), count) for answer in top1.tolist()],
        reference=[Ranking((answer,), (), count) for answer in reference.tolist()],
        labels=labels,
        parts={name: values[:, None].astype(np.float64) for name, values in parts.items()},
    )


def flip(top1: Top1, images: Any) -> Top1:
    """Another class on these images: wrong where it was right."""
    changed = top1.copy()
    changed[images] = (changed[images] + 1) % CLASSES
    return changed


def right(top1: Top1) -> NDArray[np.int64]:
    """Indices of the images that ``top1`` is right on."""
    return np.flatnonzero(top1 == LABELS)


@dataclass
class Output:
    """What an output folder is to hold; tests change it before they write it."""

    manifest: Manifest
    lines: list[Line]
    reference: Top1
    top1: dict[str, Top1]
    images_sha256: str = digest("images")
    labels: Top1 = field(default_factory=LABELS.copy)

    def write(self, folder: Path) -> Path:
        """Make the folder."""
        folder.mkdir(parents=True)
        write_manifest(folder, self.manifest)
        paths = {entry.sha256: entry.path for entry in self.manifest.artefacts}
        for line in self.lines:
            if line.sha256 not in paths:
                continue
            if isinstance(line, EvaluationLine):
                answered = predictions(
                    self.images_sha256,
                    tuple(f"{number:05d}" for number in range(len(self.labels))),
                    self.labels,
                    self.top1[paths[line.sha256]],
                    self.reference,
                )
                path = write_predictions(folder, line.key, answered)
                line = line.model_copy(update={"predictions": path})
            append_line(folder, line)
        return folder

    def keep_images(self, count: int) -> Output:
        """Leave only the answers to the first ``count`` images; returns itself."""
        self.reference, self.labels = self.reference[:count], self.labels[:count]
        self.top1 = {path: top1[:count] for path, top1 in self.top1.items()}
        return self

    def change_artefacts(self, change: Callable[[Any], dict[str, Any]]) -> None:
        """Update every artefact's entry with what ``change`` makes of it."""
        changed = [entry.model_copy(update=change(entry)) for entry in self.manifest.artefacts]
        self.manifest = self.manifest.model_copy(update={"artefacts": tuple(changed)})

    def change_latencies(self, change: Callable[[Measurement], dict[str, Any]]) -> None:
        """Update every latency line with what ``change`` makes of it."""
        self.lines = [
            line.model_copy(update=change(line)) if isinstance(line, Measurement) else line
            for line in self.lines
        ]


def output() -> Output:
    """Ten artefacts, scored and timed on a quiet machine."""
    manifest, lines = sample()
    data = DatasetInfo(name="photos", images=IMAGES, identity="here")
    lines = [
        line.model_copy(update={"dataset": data}) if isinstance(line, EvaluationLine) else line
        for line in lines
    ]
    reference, top1 = answers()
    manifest = manifest.model_copy(update={"evaluation_data": data})
    return Output(manifest, lines, reference, top1)


def slower(factor: float, form: str = "") -> Callable[[Measurement], dict[str, Any]]:
    """Samples that take ``factor`` times as long, of one format or of all."""

    def change(line: Measurement) -> dict[str, Any]:
        if form and line.format != form:
            return {}
        return {"samples_ns": tuple(round(one * factor) for one in line.samples_ns)}

    return change


def disturbed(line: Measurement) -> dict[str, Any]:
    """Samples that the protocol found to drift."""
    noise = Noise(noisy=True, drift=0.2, outliers=0.0, modes=1, reasons=("drifted",))
    return {"noise": noise}
