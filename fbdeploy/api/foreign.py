"""What is known of an artefact that no manifest describes, and what its user has to tell."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fbdeploy.api.watching import Told
from fbdeploy.records.manifest import FILE_NAME
from fbdeploy.records.own_words import OwnWords
from zoo.errors import InputError
from zoo.input_spec import InputSpec

if TYPE_CHECKING:
    from fbdeploy.api.scoring import Scoring
    from runtime_bench.runtimes.guest import GuestSession

Outputs = dict[str, NDArray[np.float32]]
BACKGROUND = 1001
"""Outputs of TensorFlow's ImageNet networks: 1000 classes behind one for the background."""


@dataclass(frozen=True)
class Classifier:
    """A session of which one output counts, from its class ``first`` on: logits (N, classes)."""

    session: GuestSession
    output: str
    first: int
    classes: int

    def run(self, batch: NDArray[np.float32]) -> Outputs:
        """The logits of every image."""
        found = self.session.run(batch)[self.output]
        return {"logits": found.reshape(len(batch), -1)[:, self.first :]}


def classifier_of(
    path: Path, session: GuestSession, outputs: Outputs, named: str | None, told: Told
) -> Classifier:
    """The output that holds an artefact's logits: that called ``named``, or the only one that may.
    ``outputs`` are those of one image.

    Raises:
        InputError: there is none, or there are several and none was named.
    """
    able = {name: value.size for name, value in outputs.items() if _may_be_logits(value)}
    if named is not None:
        if named not in able:
            raise InputError(
                f"--logits {named}: is no output of {path} with a number a class; its outputs are "
                f"{_shapes(outputs)}"
            )
        able = {named: able[named]}
    if len(able) != 1:
        what = "several outputs that may be logits" if able else "no output of a number a class"
        advice = "name one with --logits" if able else "give an artefact of a classifier"
        raise InputError(f"{path}: has {what}, {_shapes(outputs)}; {advice}")
    ((name, classes),) = able.items()
    first = int(classes == BACKGROUND)
    if first:
        told(
            f"{path}: has {BACKGROUND} classes, as TensorFlow's ImageNet networks have; the first, "
            "its background, is left out"
        )
    return Classifier(session, name, first, classes - first)


def maps_of(outputs: Outputs, spec: InputSpec) -> NDArray[np.float32] | None:
    """An artefact's only output for one image, if that is logits at every place,
    (1, classes, h, w); None of another, and of one whose classes lie last."""
    found = list(outputs.values())
    if len(found) != 1 or found[0].ndim != 4 or found[0].shape[1] < 2:
        return None
    height, width = found[0].shape[2:]
    alike = abs(height / spec.height - width / spec.width) < 0.1 * height / spec.height
    return found[0] if alike and height * width > 1 else None


def are_detections(outputs: Outputs) -> bool:
    """Whether an artefact's outputs for one image are boxes, scores and classes, by their names and
    shapes."""
    if not {"boxes", "scores", "labels"} <= outputs.keys():
        return False
    boxes, scores, labels = (outputs[name].shape for name in ("boxes", "scores", "labels"))
    return len(scores) == 2 and boxes == (*scores, 4) and labels == scores


def answers_as_told(words: OwnWords, outputs: Outputs, spec: InputSpec) -> bool:
    """Whether the outputs for one image are what an artefact says of itself: a number a class, at
    every place for segmentation. Words come from the file and may be anything."""
    classes = len(words.labels)
    if words.task == "detection":
        return are_detections(outputs)
    if words.task == "classification":
        found = list(outputs.values())
        return len(found) == 1 and _may_be_logits(found[0]) and found[0].shape[1] == classes
    maps = maps_of(outputs, spec)
    return words.task == "segmentation" and maps is not None and maps.shape[1] == classes


def _may_be_logits(value: NDArray[np.float32]) -> bool:
    """Whether an output of one image has a number a class and nothing else: (1, C), or with ones
    behind it."""
    return value.ndim >= 2 and value.shape[1] > 1 and value.size == value.shape[1]


def _shapes(outputs: Mapping[str, NDArray[np.float32]]) -> str:
    return ", ".join(f"{name} {value.shape}" for name, value in outputs.items())


def input_spec(
    path: Path, session: GuestSession, known: InputSpec | None, how: Scoring
) -> InputSpec:
    """How images become the artefact's input: as the user says, else as is ``known`` from a
    manifest or the file's own words, else what its tensor tells.

    An input of integers takes pixels as they are.

    Raises:
        InputError: something is not known, or contradicts the file; all that is missing is named.
    """
    given = how.input
    missing = []
    size = given.size
    if size is None:
        try:
            *_, height, width = session.input_shape
            size = (height, width)
        except InputError:
            missing.append("--input-size")
    mean, std = given.mean, given.std
    if session.pixels is not None and mean is None and std is None:
        mean, std = (session.pixels.mean,) * 3, (session.pixels.std,) * 3
        if known is None:
            how.told(f"{path}: takes integers, and is given the pixels as they are")
    if known is None:
        missing += ["--mean"] if mean is None else []
        missing += ["--std"] if std is None else []
    if size is None or missing:
        raise InputError(
            f"{path}: neither it nor a {FILE_NAME} beside its folder tells its input; give "
            f"{' and '.join(missing)}"
        )
    height, width = size
    spec = InputSpec(height, width) if known is None else known
    changes = {
        "mean": mean,
        "std": std,
        "crop_pct": given.crop_pct,
        "interpolation": given.interpolation,
    }
    told: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    return dataclasses.replace(spec, height=height, width=width, **told)
