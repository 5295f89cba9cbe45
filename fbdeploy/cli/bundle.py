"""``fbdeploy bundle``: the demo apps' models and golden images, put into an app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout


def bundle(
    output: Annotated[Path, typer.Argument(help="A folder that fbdeploy deploy wrote.")],
    app: Annotated[Path, typer.Option(help="The app: android_demo or ios_demo.")],
    as_json: options.Json = False,
) -> None:
    """Copy the demo bundle of an output folder to where an app's build takes it from.

    Example:  fbdeploy bundle out --app android_demo
    """
    with only_result_on_stdout() as show:
        from fbdeploy.apps.demo_bundle import install_bundle

        placed = install_bundle(output, app)
        show(json.dumps({"bundle": str(placed)}) if as_json else f"The bundle is in {placed}")
