"""``fbdeploy deploy``: the main job."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from export.format_info import Layout, TensorType
from export.graph_passes import GRAPH_PASSES
from fbdeploy.api.deploy_request import deploy_request, left_out
from fbdeploy.cli import options
from fbdeploy.cli.configuration import read_config
from fbdeploy.cli.outlook import outlook_text
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.progress import DeployProgress
from fbdeploy.cli.types import numbers, paths
from fbdeploy.cli.types.picture import input_type
from fbdeploy.cli.types.picture import layout as layout_name
from fbdeploy.cli.types.reading import text
from fbdeploy.pipeline.first_look import look_at_shared_images
from fbdeploy.pipeline.formats import FORMATS
from fbdeploy.pipeline.image_sources import ImagesMissing
from fbdeploy.pipeline.request import DEFAULT_IMAGES, DEFAULT_MODE, DeployRequest
from fbdeploy.records.builds import BUILDS
from fbdeploy.records.rows import document


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
            help=f"Some of {', '.join(FORMATS)}; all that are installed.",
        ),
    ] = None,
    precisions: Annotated[
        str | None,
        typer.Option(
            parser=text,
            metavar="NAMES",
            help=f"Some of {', '.join(BUILDS)}; the last if the recipe trains, or if named.",
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
            help=f"Leave out graph passes: some of {', '.join(GRAPH_PASSES)}, or all.",
        ),
    ] = None,
    layout: Annotated[
        Layout | None,
        typer.Option(
            "--layout",
            parser=layout_name,
            metavar="LAYOUT",
            help="nchw: LiteRT takes 1 x 3 x height x width; it takes 1 x height x width x 3.",
        ),
    ] = None,
    takes: Annotated[
        TensorType,
        typer.Option(
            "--input",
            parser=input_type,
            metavar="TYPE",
            help="uint8: also make artefacts that take an image's pixels as they are.",
        ),
    ] = "float32",
    output_forms: Annotated[
        str | None,
        typer.Option(
            parser=text,
            metavar="FORMS",
            help="Of a segmenter, also make artefacts that give: resized (logits at the input's "
            "size), classes (each pixel's, uint8).",
        ),
    ] = None,
    no_data: Annotated[
        bool,
        typer.Option(
            "--no-data",
            help="Score nothing, and calibrate int8 on random images: for size, latency, coverage.",
        ),
    ] = False,
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
    mode: Annotated[
        str,
        typer.Option(
            parser=text,
            metavar="MODE",
            help="How long to time: quick, standard or mlperf (1024 runs and 60 s each).",
        ),
    ] = DEFAULT_MODE,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would be made, and the time, memory and disk, and end."
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_in,
            metavar="FILE",
            is_eager=True,
            callback=read_config,
            help="Options from a TOML file; those on the command line go before.",
        ),
    ] = None,
    where: options.ClusterOptions = options.NO_CLUSTER_OPTIONS,
    telling: options.TellingOptions = options.NO_TELLING_OPTIONS,
    as_json: options.Json = False,
) -> None:
    """Quantize, export, verify, evaluate, time, report.

    Without arguments: the embedded FBNetV2-F1 on the embedded Fashion-MNIST images. A run that was
    cut off goes on where it stopped when the same command is given again.

    Example:  fbdeploy deploy tf_mobilenetv3_small_100 --weights small.safetensors
    --data photos/val --calibration photos/train --output small
    """
    del config  # its values are in the others
    find = partial(
        deploy_request,
        source.network,
        source.weights,
        data=data,
        calibration=calibration,
        output=output,
        formats=formats,
        precisions=precisions,
        recipe=recipe,
        num_classes=source.num_classes,
        input=image.input,
        threads=threads,
        images=images,
        skip_bad_images=image.skip_bad_images,
        skip_passes=skip_pass,
        layout=layout,
        input_type=takes,
        output_forms=output_forms,
        artefacts_only=artefacts_only,
        accept_low_fidelity=accept_low_fidelity,
        mode=mode,
    )
    request = _asking(find, no_data=no_data, may_ask=not as_json)
    if where.cluster is not None:
        look_at_shared_images(request.data, request.calibration)
    if dry_run:
        _say_outlook(request, artefacts_only=artefacts_only, as_json=as_json)
        return
    with only_result_on_stdout() as result:
        with DeployProgress(telling.telling) as progress:
            for line in left_out(request, formats):
                progress.note(line)
            from fbdeploy.pipeline.deploy import deploy as run

            with where.opened(progress.note) as machines:
                deployed = run(
                    request,
                    progress,
                    artefacts_only=artefacts_only,
                    place=machines,
                )
        if as_json:
            result.json(document(deployed.manifest, deployed.lines))
        else:
            result.text(str(deployed))
    if not deployed.complete:
        raise typer.Exit(1)


def _say_outlook(request: DeployRequest, *, artefacts_only: bool, as_json: bool) -> None:
    with only_result_on_stdout() as result:
        from fbdeploy.pipeline.outlook import outlook

        found = outlook(request, artefacts_only=artefacts_only)
        if as_json:
            result.json(found)
        else:
            result.text(outlook_text(found))


def _asking(find: Callable[..., DeployRequest], *, no_data: bool, may_ask: bool) -> DeployRequest:
    """The request; where images are missing, a person at the terminal is asked what is meant."""
    try:
        return find(no_data=no_data)
    except ImagesMissing as error:
        if not may_ask or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        typer.echo(f"{error}.", err=True)
        question = "Go on without images, as with --no-data?"
        if not typer.confirm(question, default=False, err=True):
            raise
        return find(no_data=True)
