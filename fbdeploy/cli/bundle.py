"""``fbdeploy bundle``: the demo apps' models and golden images, put into an app."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.types import paths


def bundle(
    output: Annotated[
        Path,
        typer.Argument(
            parser=paths.folder_in, metavar="OUTPUT", help="A folder that fbdeploy deploy wrote."
        ),
    ],
    app: Annotated[
        Path,
        typer.Option(
            parser=paths.folder_in, metavar="FOLDER", help="The app: android_demo or ios_demo."
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Copy the demo bundle of an output folder to where an app's build takes it from.

    Example:  fbdeploy bundle out --app android_demo
    """
    with only_result_on_stdout() as result:
        from fbdeploy.apps.installing import install_bundle

        placed = install_bundle(output, app)
        if as_json:
            result.json({"bundle": str(placed)})
        else:
            result.text(f"The bundle is in {placed}")
