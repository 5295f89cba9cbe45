"""Artefacts from anywhere on images of the user's, each in its own runtime and process."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fbdeploy.cli import options
from fbdeploy.cli.progress import counted
from fbdeploy.pipeline.request import InputOptions
from fbdeploy.pipeline.steps.images import at_once, note_skipped
from fbdeploy.records.manifest import FILE_NAME, Manifest
from zoo.errors import InputError, shown
from zoo.input_spec import InputSpec
from zoo.outputs import TaskName

if TYPE_CHECKING:
    from runtime_bench.accuracy import Evaluation
    from runtime_bench.runtimes.base import Session

SHOWN = 4
"""Classes that a line lists."""


@dataclass(frozen=True)
class Asked:
    """An artefact, and the manifest beside it."""

    path: Path
    manifest: Manifest | None


@dataclass(frozen=True)
class _Opened:
    """An open artefact, how images become its input and its targets, and what its outputs for one
    image take."""

    asked: Asked
    session: Session
    spec: InputSpec
    labels: tuple[str, ...]
    num_classes: int
    task: TaskName
    output_bytes: int


def score(
    asked: Sequence[Asked],
    data: str,
    limit: int | None,
    threads: int,
    image: options.ImageOptions,
) -> list[Evaluation]:
    """All artefacts on the images, which are read once where they are the same for all.

    Raises:
        InputError: an artefact or the images cannot be had, or do not fit each other.
    """
    from runtime_bench.runtimes.guest import guest_session

    with ExitStack() as stack:
        opened = []
        for one in asked:
            session = stack.enter_context(guest_session(one.path, threads))
            opened.append(_open(one, session, image))
        first, *others = opened
        alike = [first, *(other for other in others if _takes_the_same(other, first))]
        found = _together(alike, data, limit, image)
        for other in others:
            if other not in alike:
                found += _together([other], data, limit, image)
        return found


def _open(asked: Asked, session: Session, image: options.ImageOptions) -> _Opened:
    manifest = asked.manifest
    spec = _input_spec(asked.path, session.input_shape, manifest, image.input)
    if manifest is None:
        task, labels, size = _told_by(session)
        return _Opened(asked, session, spec, labels, len(labels), task, size)
    network = manifest.network
    size = 4 * sum(math.prod(output.shape) for output in network.outputs)
    return _Opened(asked, session, spec, manifest.labels, network.num_classes, network.task, size)


def _takes_the_same(one: _Opened, other: _Opened) -> bool:
    """Whether images and targets are the same for both."""
    return (one.spec, one.labels, one.num_classes, one.task) == (
        *(other.spec, other.labels, other.num_classes, other.task),
    )


def _together(
    opened: Sequence[_Opened], data: str, limit: int | None, image: options.ImageOptions
) -> list[Evaluation]:
    from runtime_bench.accuracy import evaluate_together
    from tasks.table import task_named
    from zoo.datasets import FolderDataset, batches, open_scored

    first = opened[0]
    dataset = open_scored(
        first.task,
        data,
        num_classes=first.num_classes,
        network_labels=first.labels,
        skip_bad_images=image.skip_bad_images,
    )
    if first.asked.manifest is None and isinstance(dataset, FolderDataset):
        _say_order(first.asked.path, dataset.labels())
    total = len(dataset) if limit is None else min(limit, len(dataset))
    title = ", ".join(str(one.asked.path) for one in opened)
    with counted(title, total) as counter:
        found = evaluate_together(
            [one.session for one in opened],
            batches(dataset, first.spec, at_once(first.output_bytes), limit),
            counter.advance,
            task_named(first.task),
        )
    note_skipped(dataset, partial(typer.echo, err=True))
    return found


def _told_by(session: Session) -> tuple[TaskName, tuple[str, ...], int]:
    """What an artefact that nothing describes is for, its labels, an index for each of its logits,
    and their bytes for one image; it is a segmenter where they have places."""
    import numpy as np

    from tasks.logits import logits_of

    logits = logits_of(session.run(np.zeros(session.input_shape, np.float32)))
    labels = tuple(str(index) for index in range(logits.shape[1]))
    return "segmentation" if logits.ndim == 4 else "classification", labels, logits.nbytes


def _say_order(artefact: Path, folders: Sequence[str]) -> None:
    """Say that class folders were taken in sorted order, if nothing else tells what they are."""
    from zoo.datasets.classes import tell_classes

    if folders and not tell_classes(folders, len(folders)):
        order = ", ".join(f"{index} is {shown(name)}" for index, name in enumerate(folders[:SHOWN]))
        more = ", ..." if len(folders) > SHOWN else ""
        typer.echo(
            f"{artefact}: has no {FILE_NAME} with its labels, so class folders are taken in sorted "
            f"order: {order}{more}; if its classes have another order, name the folders by index",
            err=True,
        )


def _input_spec(
    artefact: Path, shape: tuple[int, ...], manifest: Manifest | None, given: InputOptions
) -> InputSpec:
    height, width = given.size or (shape[2], shape[3])
    if (height, width) != (shape[2], shape[3]):
        raise InputError(f"{artefact}: takes {shape[2]}x{shape[3]} images; leave --input-size out")
    if manifest is not None:
        spec = manifest.input_spec
    elif given.mean and given.std:
        spec = InputSpec(height=height, width=width)
    else:
        raise InputError(
            f"{artefact}: has no {FILE_NAME} beside its folder that tells its pre-processing; "
            "give --mean and --std"
        )
    changes = {
        name: value
        for name, value in given.model_dump(exclude={"size"}).items()
        if value is not None
    }
    return dataclasses.replace(spec, height=height, width=width, **changes)
