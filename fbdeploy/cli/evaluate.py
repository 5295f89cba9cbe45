"""``fbdeploy evaluate``: the accuracy of one artefact in its own runtime."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.progress import counted
from fbdeploy.cli.types import numbers, paths
from fbdeploy.cli.types.reading import text
from fbdeploy.pipeline.first_look import look_at_artefact, look_at_images, look_at_shared_images
from fbdeploy.report import numbers as figures
from tasks.metrics import METRICS

if TYPE_CHECKING:
    from runtime_bench.accuracy import (
        EvaluationDocument,
        ReferenceDocument,
        ScoreDocument,
    )


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
    logits: Annotated[
        str | None,
        typer.Option(
            parser=text, metavar="NAME", help="The output that holds the logits, of several."
        ),
    ] = None,
    image: options.ImageOptions = options.NO_IMAGE_OPTIONS,
    where: options.ClusterOptions = options.NO_CLUSTER_OPTIONS,
    as_json: options.Json = False,
) -> None:
    """Run an artefact over a dataset: its accuracy, and how it differs from another one.

    Pre-processing and labels come from the manifest.json that lies beside the artefact's folder;
    without one, give --mean and --std, and --input-size where any size will do.

    Example:  fbdeploy evaluate out/int8/model.onnx --data fashion-mnist
    --reference out/fp32/model.onnx
    """
    with only_result_on_stdout() as result:
        for path in (artefact, reference):
            look_at_artefact(path)
        look_at_images(data)
        if where.cluster is not None:
            look_at_shared_images(data)
        from fbdeploy.api.evaluate import evaluated

        run = partial(
            evaluated,
            artefact,
            data,
            reference,
            images=images,
            threads=threads,
            logits=logits,
            input=image.input,
            skip_bad_images=image.skip_bad_images,
        )
        with where.spread() as spread:
            if spread is None:
                answer = run(told=partial(typer.echo, err=True), counting=counted).document
            else:
                answer = run(told=spread.observer.note, spread=spread).document
        if as_json:
            result.json(answer)
        else:
            result.text(_summary(answer))


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
