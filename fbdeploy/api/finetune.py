"""``fbdeploy.finetune``."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from fbdeploy.api.errors import in_python
from fbdeploy.api.inputs import Size
from tasks.finetune.detectors import (
    DetectorChoices,
    DetectorSubject,
    is_detector,
    open_detector,
)
from tasks.finetune.loop import Finetuned, Split, split_pictures
from tasks.finetune.loop import finetune as train
from tasks.finetune.segmenters import SegmenterSubject, open_segmenter
from tasks.finetune.subject import Settings, Subject
from zoo.datasets.of_task import open_scored
from zoo.datasets.samples import Dataset
from zoo.errors import InputError
from zoo.files import sha256_of, try_folder

Done = Callable[[str, float], None]
"""Takes a step's name, and how much of it is done in 0..1."""


@dataclass(frozen=True)
class FinetuneRequest:
    """What :func:`finetune` is asked for; fields are its arguments."""

    network: str
    data: str
    output: Path
    weights: Path | None = None
    validation: str | None = None
    num_classes: int | None = None
    input_size: Size | None = None
    choices: DetectorChoices = field(default_factory=DetectorChoices)
    settings: Settings = field(default_factory=Settings)
    device: str | None = None

    def deciding(self, labels: tuple[str, ...]) -> object:
        """As JSON, what decides the outcome, by which runs are told apart."""
        known = dataclasses.asdict(self) | {
            "weights": None if self.weights is None else sha256_of(self.weights),
            "labels": labels,
        }
        return json.loads(
            json.dumps({key: known[key] for key in known if key not in ("output", "device")})
        )


@in_python
def finetune(
    network: str,
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    validation: str | os.PathLike[str] | None = None,
    num_classes: int | None = None,
    input_size: Size | None = None,
    choices: DetectorChoices | None = None,
    settings: Settings | None = None,
    device: str | None = None,
    progress: Done | None = None,
) -> Finetuned:
    """Train a detector or a segmenter on pictures of one's own, from weights of other classes.

    A detector gets the classes of its data. ``output`` gets ``weights.safetensors``, which
    :func:`fbdeploy.deploy` takes, and ``finetune.json``; a run that was cut off there goes on.

    Args:
        network: a detector or segmenter of ``fbdeploy zoo``.
        data: of its task, as :func:`fbdeploy.evaluate` takes them.
        output: a folder.
        weights: to start from; None: the embedded ones of a network that has some, else random.
        validation: data to score on; None: a part of ``data``, which is not trained on.
        num_classes: of a segmenter, background included; None: as many as the weights have.
        input_size: pixels, one number or (height, width).
        choices: of a detector.
        settings: how long and how fast.
        device: ``cpu``, ``cuda`` or another of torch's; None: a GPU where there is one.
        progress: is told each step, and how much of it is done.

    Raises:
        InputError: the network, the data or the weights cannot be had or do not fit each other.
    """
    request = FinetuneRequest(
        network,
        os.fspath(data),
        Path(output),
        None if weights is None else Path(weights),
        None if validation is None else os.fspath(validation),
        num_classes,
        input_size,
        choices or DetectorChoices(),
        settings or Settings(),
        device,
    )
    return run_finetune(request, progress or (lambda step, done: None))


def run_finetune(request: FinetuneRequest, progress: Done) -> Finetuned:
    """See ``finetune``; errors name the command line's options."""
    weights = request.weights
    if weights is not None and not weights.is_file():
        raise InputError(f"{weights}: no such weights file")
    device = _device(request.device)
    try_folder(request.output)
    if is_detector(request.network):
        subject, split = _detector(request, device)
    else:
        subject, split = _segmenter(request, device)
    told = request.deciding(subject.labels)
    return train(subject, split, request.settings, request.output, progress, told)


def _detector(request: FinetuneRequest, device: torch.device) -> tuple[Subject, Split]:
    if request.num_classes is not None:
        raise InputError(
            f"--num-classes {request.num_classes}: a detector has those of its data; leave it out"
        )
    pictures = open_scored("detection", request.data)
    labels = pictures.labels()
    others = None
    if request.validation is not None:
        others = open_scored(
            "detection", request.validation, num_classes=len(labels), network_labels=labels
        )
    size = request.input_size
    module, spec = open_detector(
        request.network,
        request.weights,
        labels,
        request.choices,
        (size, size) if isinstance(size, int) else size,
        request.settings.seed,
    )
    subject = DetectorSubject(module, spec, labels, pictures, others or pictures, device)
    return subject, _split(request, pictures, others)


def _segmenter(request: FinetuneRequest, device: torch.device) -> tuple[Subject, Split]:
    network = request.network
    if request.choices != DetectorChoices():
        raise InputError(f"{network}: is no detector, so it has no options of detectors")
    weights = None if request.weights is None else str(request.weights)
    known = open_segmenter(
        network, weights, request.num_classes, request.input_size, request.settings.seed
    )

    def opened(source: str) -> Dataset:
        return open_scored(
            "segmentation", source, num_classes=known.num_classes, network_labels=known.labels
        )

    pictures = opened(request.data)
    others = None if request.validation is None else opened(request.validation)
    subject = SegmenterSubject(known, pictures, others or pictures, device)
    return subject, _split(request, pictures, others)


def _split(request: FinetuneRequest, pictures: Dataset, others: Dataset | None) -> Split:
    if others is not None:
        return Split(tuple(range(len(pictures))), tuple(range(len(others))))
    settings = request.settings
    return split_pictures(len(pictures), settings.held_out, settings.seed, request.data)


def _device(name: str | None) -> torch.device:
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {name}: torch has no such device here; give cpu") from error
    return device
