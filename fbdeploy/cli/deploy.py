"""``fbdeploy deploy``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from export.graph_passes import GRAPH_PASSES, skipped_passes
from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.progress import DeployProgress
from fbdeploy.cli.types import numbers, paths
from fbdeploy.cli.types.reading import text
from fbdeploy.pipeline.first_look import look_at_images, look_at_network
from fbdeploy.pipeline.formats import (
    FORMATS,
    as_builds,
    can_hold,
    check_installed,
    default_builds,
    installed_formats,
)
from fbdeploy.pipeline.request import (
    DEFAULT_IMAGES,
    DeployRequest,
    images_for,
)
from fbdeploy.records.builds import BUILDS, Build
from fbdeploy.records.manifest import Artefact
from fbdeploy.records.results import ResultRow, document, summarize
from fbdeploy.report import numbers as figures
from fbdeploy.report import recommend
from fbdeploy.report.page import metrics_shown, score_in
from fbdeploy.report.problems import problems
from fbdeploy.report.table import table
from tasks.metric import Metric

if TYPE_CHECKING:
    from fbdeploy.pipeline.deploy import Deployed


@options.grouped
def deploy(
    source: options.NetworkOptions = options.NO_NETWORK_OPTIONS,
    data: Annotated[
        str | None,
        typer.Option(
            parser=paths.file_or_name,
            metavar="FOLDER",
            help="Labelled images to score on: a folder, or a dataset's name.",
        ),
    ] = None,
    calibration: Annotated[
        str | None,
        typer.Option(
            parser=paths.file_or_name,
            metavar="FOLDER",
            help="Images to calibrate int8 on: like those of training, no labels.",
        ),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            parser=text,
            metavar="NAMES",
            help=f"Some of {','.join(FORMATS)}; all that are installed.",
        ),
    ] = None,
    precisions: Annotated[
        str | None,
        typer.Option(
            parser=text,
            metavar="NAMES",
            help=f"Some of {','.join(BUILDS)}; the last if the recipe trains, or if named.",
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            parser=paths.file_or_name,
            metavar="RECIPE",
            help="How to quantize: a recipe's name or a TOML file.",
        ),
    ] = "ptq",
    output: Annotated[
        Path,
        typer.Option(
            parser=paths.folder_out, metavar="FOLDER", help="Folder for everything that is made."
        ),
    ] = Path("out"),
    threads: Annotated[
        int,
        typer.Option(
            parser=numbers.threads, metavar="N", help="Threads that latency is timed with."
        ),
    ] = 1,
    images: Annotated[
        int | None,
        typer.Option(
            parser=numbers.image_count,
            metavar="N",
            help="How many images each artefact is scored on, spread evenly, or 'all'.",
        ),
    ] = DEFAULT_IMAGES,
    image: options.ImageOptions = options.NO_IMAGE_OPTIONS,
    skip_pass: Annotated[
        str | None,
        typer.Option(
            parser=text,
            metavar="NAMES",
            help=f"Leave out graph passes: some of {','.join(GRAPH_PASSES)}, or all.",
        ),
    ] = None,
    artefacts_only: Annotated[
        bool,
        typer.Option("--artefacts-only", help="End when the artefacts are made and checked."),
    ] = False,
    accept_low_fidelity: Annotated[
        bool,
        typer.Option(
            "--accept-low-fidelity",
            help="Exit with 0 even if the int8 program is far from float; it is said all the same.",
        ),
    ] = False,
    where: options.ClusterOptions = options.NO_CLUSTER_OPTIONS,
    as_json: options.Json = False,
) -> None:
    """Quantize, export, verify, evaluate, time, report.

    Without arguments: the embedded FBNetV2-F1 on the embedded Fashion-MNIST images. A run that was
    cut off goes on where it stopped when the same command is given again.

    Example:  fbdeploy deploy tf_mobilenetv3_small_100 --weights small.safetensors
    --data photos/val --calibration photos/train --output small
    """
    network, weights = source.network, source.weights
    request = DeployRequest(
        network=network,
        weights=weights,
        num_classes=source.num_classes,
        input=image.input,
        data=images_for(network, weights, data, "data"),
        calibration=images_for(network, weights, calibration, "calibration"),
        formats=_formats(formats),
        builds=_builds(precisions, recipe),
        recipe=recipe,
        output=output,
        threads=threads,
        images=images,
        skip_bad_images=image.skip_bad_images,
        accept_low_fidelity=accept_low_fidelity,
        skip_passes=() if skip_pass is None else tuple(sorted(skipped_passes(skip_pass))),
    )
    look_at_network(network, weights)
    for place in (request.data, request.calibration):
        look_at_images(place)
    with only_result_on_stdout() as result:
        with DeployProgress() as progress:
            left_out = [name for name in FORMATS if formats is None and name not in request.formats]
            for name in left_out:
                progress.note(f"{name} is left out: pip install 'fbdeploy[{name}]' brings it")
            for fmt in request.formats:
                for build in request.builds:
                    if not can_hold(fmt, build):
                        progress.note(f"{fmt} has no {build}: its runtimes gain nothing")
            from fbdeploy.pipeline.deploy import deploy as run

            with where.opened(progress.note) as machines:
                deployed = run(
                    request,
                    progress,
                    artefacts_only=artefacts_only,
                    make_runner=machines.make_runner,
                )
        if as_json:
            result.json(document(deployed.manifest, deployed.lines))
        else:
            result.text(summary(deployed))
    if not deployed.complete:
        raise typer.Exit(1)


def _builds(given: str | None, recipe: str) -> tuple[Build, ...]:
    if given is None:
        return default_builds(recipe)
    return as_builds(options.choices(given, BUILDS, "--precisions"))


def _formats(given: str | None) -> tuple[str, ...]:
    if given is None:
        return installed_formats()
    chosen = options.choices(given, FORMATS, "--formats")
    for fmt in chosen:
        check_installed(fmt)
    return chosen


def _parity(artefact: Artefact) -> str:
    """How near the artefact is to its reference, and whether that is near enough."""
    found = artefact.parity
    if found is None:
        return figures.UNKNOWN
    if not found.passed:
        return "FAILED"
    return "equal" if found.sqnr_db is None else f"{figures.decibels(found.sqnr_db)} dB"


def _score(row: ResultRow, metric: Metric) -> str:
    found = score_in(row, metric)
    return figures.of_metric(found.value if found else None, metric)


def summary(deployed: Deployed) -> str:
    """The results as a table for a terminal, and what to ship."""
    rows = summarize(deployed.manifest, deployed.lines)
    metrics = metrics_shown(deployed.manifest.network.task)
    cells = [
        (
            recommend.name_of(row),
            figures.size(row.bytes),
            figures.percent(row.int8_share, 1),
            *(_score(row, metric) for metric in metrics),
            f"{figures.significant(row.latency_ms.p50)} ms" if row.latency_ms else figures.UNKNOWN,
            _parity(artefact),
        )
        for row, artefact in zip(rows, deployed.manifest.artefacts, strict=True)
    ]
    titles = (metric.title for metric in metrics)
    lines = [table(("", "size", "int8", *titles, "p50", "parity"), cells)]
    wrong = problems(deployed.manifest)
    lines += ["", *wrong] if wrong else []
    advice = recommend.recommend(rows)
    if advice.row is not None:
        check = deployed.manifest.float_check
        sure = advice.sure and (check is None or check.passed)
        ship = "Ship" if sure else "Safest until more is known:"
        lines += ["", f"{ship} {recommend.name_of(advice.row)}. {advice.reasons[0]}"]
    else:
        lines += ["", advice.reasons[0]]
    lines.append(f"The whole story: {deployed.report}")
    return "\n".join(lines)
