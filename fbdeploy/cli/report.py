"""``fbdeploy report``: an output folder's page, made again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.types import paths


def report(
    output: Annotated[
        Path,
        typer.Argument(
            parser=paths.folder_in, metavar="OUT", help="A folder that fbdeploy deploy wrote."
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Make report.html again, as after new measurements or with a newer fbdeploy.

    Example:  fbdeploy report out
    """
    with only_result_on_stdout() as result:
        from fbdeploy.report.page import report_again

        written = report_again(output)
        if as_json:
            result.json({"report": str(written)})
        else:
            result.text(f"The report is {written}")
