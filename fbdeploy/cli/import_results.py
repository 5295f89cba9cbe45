"""``fbdeploy import-results``: what a demo app measured, joined with a deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.types import paths
from fbdeploy.report import numbers


def import_results(
    file: Annotated[
        Path,
        typer.Argument(
            parser=paths.file_in,
            metavar="FILE",
            help="The JSON file an app's benchmark mode wrote.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            parser=paths.folder_in,
            metavar="FOLDER",
            help="The output folder the app's bundle came from.",
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Check an app's benchmark results and append them to the folder's results.jsonl, once; the
    folder's report is made again.

    Example:  fbdeploy import-results results.json --output out
    """
    with only_result_on_stdout() as result:
        from fbdeploy.apps.results import import_results as run
        from fbdeploy.report.page import report_again

        found = run(file, output)
        report = report_again(output)
        if as_json:
            lines = [measurement.model_dump(mode="json") for measurement in found]
            result.json({"measurements": lines})
            return
        for measurement in found:
            latency = measurement.latency_ms
            middle = f"{numbers.significant(latency.p50)} ms" if latency else "no time"
            result.text(f"{measurement.artefact}: {middle} on {measurement.target}")
        result.text(f"{report} is made again")
