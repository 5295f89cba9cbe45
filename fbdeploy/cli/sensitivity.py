"""``fbdeploy sensitivity``: which layers int8 hurts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.progress import Steps
from fbdeploy.cli.types import numbers, paths
from fbdeploy.pipeline.environment import cores
from fbdeploy.pipeline.first_look import look_at_images, look_at_network, look_at_shared_images
from fbdeploy.pipeline.image_sources import images_for
from fbdeploy.pipeline.sensitivity import DEFAULT_IMAGES, SensitivityRequest, measure
from fbdeploy.records.sensitivity import FILE_NAME, SensitivityDocument, write_sensitivity
from fbdeploy.report import numbers as figures
from fbdeploy.report.table import table
from quantize.recipe import load_recipe
from zoo.files import try_file

if TYPE_CHECKING:
    from fbdeploy.records.sensitivity import LayerRow

ROWS_SHOWN = 20


@options.grouped
def sensitivity(
    source: options.NetworkOptions = options.NO_NETWORK_OPTIONS,
    calibration: Annotated[
        str | None,
        typer.Option(
            parser=paths.file_or_name,
            metavar="FOLDER",
            help="Images to calibrate and to measure on: like those of training.",
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            parser=paths.file_or_name,
            metavar="RECIPE",
            help="Whose ranges are used: a recipe's name or a TOML file.",
        ),
    ] = "ptq",
    images: Annotated[
        int | None,
        typer.Option(
            parser=numbers.image_count,
            metavar="N",
            help="How many calibration images to measure on, or 'all'.",
        ),
    ] = DEFAULT_IMAGES,
    output: Annotated[
        Path | None,
        typer.Option(
            parser=paths.folder_out,
            metavar="FOLDER",
            help="Folder for sensitivity.json; that of a deployment shows it.",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            parser=numbers.threads, metavar="N", help="Threads to compute with; all cores."
        ),
    ] = None,
    image: options.ImageOptions = options.NO_IMAGE_OPTIONS,
    where: options.ClusterOptions = options.NO_CLUSTER_OPTIONS,
    as_json: options.Json = False,
) -> None:
    """Rank the layers by the error int8 causes: dB at the layer, KL at the network's output.

    Measured with the recipe's ranges and before its corrections, which hide what they repair.

    Example:  fbdeploy sensitivity tf_efficientnet_lite0 --weights lite0.pth
    --calibration photos/train --output lite0
    """
    network, weights = source.network, source.weights
    request = SensitivityRequest(
        network=network,
        weights=weights,
        num_classes=source.num_classes,
        input=image.input,
        calibration=images_for(network, weights, calibration, "calibration"),
        recipe=recipe,
        images=images,
        threads=threads or (cores() if where.cluster is None else None),
        skip_bad_images=image.skip_bad_images,
    )
    look_at_network(network, weights)
    look_at_images(request.calibration)
    if where.cluster is not None:
        look_at_shared_images(request.calibration)
    load_recipe(recipe)
    place = None if output is None else output / FILE_NAME
    if place is not None:
        try_file(place)
    with only_result_on_stdout() as result:
        with where.spread() as spread:
            if spread is None:
                with Steps() as steps:
                    found = measure(request, steps.progress, steps.note)
            else:
                from fbdeploy.pipeline.sensitivity_parts import measure_in_parts

                found = measure_in_parts(request, spread)
        if as_json:
            result.json(found)
        else:
            result.text(_table(found, place))
        if output is not None:
            write_sensitivity(output, found)
            _renew_report(output, found)


def _renew_report(folder: Path, found: SensitivityDocument) -> None:
    """Let the report of the same network's deployment show it."""
    from fbdeploy.records.manifest import FILE_NAME as MANIFEST
    from fbdeploy.records.manifest import read_manifest
    from fbdeploy.records.results import read_lines
    from fbdeploy.report.page import write_report

    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        if found.belongs_to(manifest):
            write_report(folder, manifest, read_lines(folder))


def _table(found: SensitivityDocument, written: Path | None) -> str:
    title = f"{found.network}: KL {figures.significant(found.kl)} nats with every layer in int8"
    shown = found.layers[:ROWS_SHOWN]
    rows = [
        (
            f"{number}",
            _name(row),
            figures.percent(row.macs_share, 1),
            figures.decibels(row.sqnr_db),
            figures.decibels(row.weight_sqnr_db),
            figures.decibels(row.activation_sqnr_db),
            figures.significant(row.kl_alone),
            figures.significant(row.kl_without),
        )
        for number, row in enumerate(shown, 1)
    ]
    titles = ("", "", "MACs", "dB", "weights", "rounding", "KL alone", "all but")
    lines = [f"{title}, {found.images:,} images", "", table(titles, rows, left=(1,))]
    more = len(found.layers) - len(shown)
    if more:
        lines.append(f"    and {more} more" + (f" in {written}" if written else ""))
    elif written:
        lines += ["", f"Written: {written}"]
    return "\n".join(lines)


def _name(row: LayerRow) -> str:
    return f"{row.layer} ({row.operator})"
