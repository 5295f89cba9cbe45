"""``fbdeploy.finetune``."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
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
    path = None if weights is None else Path(weights)
    if path is not None and not path.is_file():
        raise InputError(f"{path}: no such weights file")
    how, where = settings or Settings(), _device(device)
    source = os.fspath(data)
    scored = None if validation is None else os.fspath(validation)
    folder = Path(output)
    try_folder(folder)
    if is_detector(network):
        if num_classes is not None:
            raise InputError(f"--num-classes {num_classes}: a detector has its data's; leave out")
        subject, split = _detector(network, path, source, scored, choices, input_size, how, where)
    else:
        if choices not in (None, DetectorChoices()):
            raise InputError(f"{network}: is no detector, so it has no options of detectors")
        subject, split = _segmenter(
            network, path, source, scored, num_classes, input_size, how, where
        )
    request = {
        "network": network,
        "weights": None if path is None else sha256_of(path),
        "data": source,
        "validation": scored,
        "labels": list(subject.labels),
        "input_size": input_size,
        "choices": dataclasses.asdict(choices or DetectorChoices()),
        "settings": dataclasses.asdict(how),
    }
    told = progress or (lambda step, done: None)
    return train(subject, split, how, folder, told, json.loads(json.dumps(request)))


def _detector(
    network: str,
    weights: Path | None,
    data: str,
    validation: str | None,
    choices: DetectorChoices | None,
    size: Size | None,
    settings: Settings,
    device: torch.device,
) -> tuple[Subject, Split]:
    pictures = open_scored("detection", data)
    labels = pictures.labels()
    others = None
    if validation is not None:
        others = open_scored(
            "detection", validation, num_classes=len(labels), network_labels=labels
        )
    square = (size, size) if isinstance(size, int) else size
    module, spec = open_detector(
        network, weights, labels, choices or DetectorChoices(), square, settings.seed
    )
    split = _split(pictures, others, settings, data)
    return DetectorSubject(module, spec, labels, pictures, others or pictures, device), split


def _segmenter(
    network: str,
    weights: Path | None,
    data: str,
    validation: str | None,
    num_classes: int | None,
    size: Size | None,
    settings: Settings,
    device: torch.device,
) -> tuple[Subject, Split]:
    start = None if weights is None else str(weights)
    known = open_segmenter(network, start, num_classes, size, settings.seed)

    def opened(source: str) -> Dataset:
        return open_scored(
            "segmentation", source, num_classes=known.num_classes, network_labels=known.labels
        )

    pictures = opened(data)
    others = None if validation is None else opened(validation)
    split = _split(pictures, others, settings, data)
    return SegmenterSubject(known, pictures, others or pictures, device), split


def _split(pictures: Dataset, others: Dataset | None, settings: Settings, origin: str) -> Split:
    if others is not None:
        return Split(tuple(range(len(pictures))), tuple(range(len(others))))
    return split_pictures(len(pictures), settings.held_out, settings.seed, origin)


def _device(name: str | None) -> torch.device:
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {name}: torch has no such device here; give cpu") from error
    return device
