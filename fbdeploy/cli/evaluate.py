"""``fbdeploy evaluate``: the accuracy of one artefact in its own runtime."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.described import described
from fbdeploy.cli.guest import warn_if_unconfined
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.progress import counted
from fbdeploy.cli.types import numbers, paths
from fbdeploy.pipeline.request import InputOptions
from fbdeploy.records.manifest import FILE_NAME, Manifest
from fbdeploy.report import numbers as figures
from tasks.metrics import METRICS
from zoo.errors import InputError, shown
from zoo.input_spec import InputSpec

if TYPE_CHECKING:
    from runtime_bench.accuracy import (
        Evaluation,
        EvaluationDocument,
        ReferenceDocument,
        ScoreDocument,
    )
    from runtime_bench.runtimes.base import Session

BATCH = 32
SHOWN = 4
"""Classes that a line lists."""


@options.grouped
def evaluate(
    artefact: Annotated[
        Path,
        typer.Argument(
            parser=paths.path_in,
            metavar="ARTEFACT",
            help="A model.pte, .pt, .onnx, .tflite, .mlpackage.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            parser=paths.file_or_name,
            metavar="FOLDER",
            help="Labelled images: a folder, or a dataset's name.",
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            parser=paths.path_in,
            metavar="ARTEFACT",
            help="Another artefact to compare with, image by image.",
        ),
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(
            parser=numbers.image_count,
            metavar="N",
            help="How many images, spread evenly over the data, or 'all'; all.",
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option(parser=numbers.threads, metavar="N", help="Threads of the runtime.")
    ] = 1,
    image: options.ImageOptions = options.NO_IMAGE_OPTIONS,
    as_json: options.Json = False,
) -> None:
    """Run an artefact over a dataset: its accuracy, and how it differs from another one.

    Pre-processing and labels come from the manifest.json that lies beside the artefact's folder.

    Example:  fbdeploy evaluate out/int8/model.onnx --data fashion-mnist
    --reference out/fp32/model.onnx
    """
    with only_result_on_stdout() as result:
        from runtime_bench.accuracy import compare, document
        from runtime_bench.runtimes import runtime_of

        manifest, entry = described(artefact)
        where = data or _data_of(artefact, manifest)
        runtime = runtime_of(artefact)
        warn_if_unconfined()
        scored = _run(artefact, where, images, threads, image, manifest)
        agreement = None
        if reference is not None:
            theirs, _ = described(reference)
            other = _run(reference, where, images, threads, image, theirs)
            agreement = compare(scored, other)
        precision = entry.precision if entry else None
        answer = document(str(artefact), runtime.format, precision, scored, agreement)
        if as_json:
            result.json(answer)
        else:
            result.text(_summary(answer))


def _data_of(artefact: Path, manifest: Manifest | None) -> str:
    if manifest is None or manifest.evaluation_data is None:
        raise InputError(f"{artefact}: --data is missing; give a folder of labelled images")
    return manifest.evaluation_data.name


def _input_spec(
    artefact: Path, shape: tuple[int, ...], manifest: Manifest | None, given: InputOptions
) -> InputSpec:
    height, width = given.size or (shape[2], shape[3])
    if (height, width) != (shape[2], shape[3]):
        raise InputError(f"{artefact}: takes {shape[2]}x{shape[3]} images; leave --input-size out")
    if manifest is not None:
        spec = InputSpec(**manifest.input_spec.model_dump())
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


def _run(
    artefact: Path,
    data: str,
    limit: int | None,
    threads: int,
    image: options.ImageOptions,
    manifest: Manifest | None,
) -> Evaluation:
    from runtime_bench.accuracy import evaluate as run
    from runtime_bench.runtimes.guest import guest_session
    from tasks.table import task_named
    from zoo.datasets import FolderDataset, batches, open_dataset

    with guest_session(artefact, threads) as session:
        spec = _input_spec(artefact, session.input_shape, manifest, image.input)
        labels = manifest.labels if manifest else _unnamed(session)
        dataset = open_dataset(
            data,
            num_classes=manifest.network.num_classes if manifest else len(labels),
            network_labels=labels,
            skip_bad_images=image.skip_bad_images,
        )
        if manifest is None and isinstance(dataset, FolderDataset):
            _say_order(artefact, dataset.labels())
        total = len(dataset) if limit is None else min(limit, len(dataset))
        with counted(str(artefact), total) as counter:
            task = task_named(manifest.network.task if manifest else "classification")
            scored = run(session, batches(dataset, spec, BATCH, limit), counter.advance, task)
    if dataset.skipped:
        names = ", ".join(dataset.skipped)
        typer.echo(f"{len(dataset.skipped)} unreadable images are left out: {names}", err=True)
    return scored


def _unnamed(session: Session) -> tuple[str, ...]:
    """The labels of an artefact that nothing describes: an index for each of its logits."""
    import numpy as np

    from tasks.classification.task import logits_of

    logits = logits_of(session.run(np.zeros(session.input_shape, np.float32)))
    return tuple(str(index) for index in range(logits.shape[1]))


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


def _summary(answer: EvaluationDocument) -> str:
    title = f"{answer['artefact']}: {answer['format']} {answer['precision'] or ''}".rstrip()
    lines = [f"{title}, {answer['images']:,} images"]
    lines += [_told(score, answer["reference"]) for score in answer["scores"]]
    return "\n".join(lines)


def _told(score: ScoreDocument, reference: ReferenceDocument | None) -> str:
    """One metric in words."""
    metric = METRICS[score["metric"]]
    value, (low, high) = figures.of_metric(score["value"], metric), score["interval"]
    if metric.against == "reference":
        kl = reference["kl"] if reference else None
        told = "" if kl is None else f", KL {figures.significant(kl)} nats"
        return f"{metric.title} with the reference {value}{told}"
    line = f"{metric.title} {value} (95 %: {100 * low:.2f} to {100 * high:.2f})"
    interval = score["difference_interval"]
    if score["difference"] is None or interval is None:
        return line
    test = "McNemar p" if metric.kind == "binary" else "p"
    return (
        f"{line}, difference {figures.points(score['difference'])} points "
        f"(95 %: {figures.points(interval[0])} to {figures.points(interval[1])}), "
        f"{test} {figures.significant(score['p'])}"
    )
