"""``fbdeploy runner build``: the programs that run artefacts on ARM devices."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.types import paths


class Action(StrEnum):
    """What can be done with runners."""

    BUILD = "build"


def runner(
    action: Annotated[Action, typer.Argument(help="build: compile them.")],
    output: Annotated[
        Path | None,
        typer.Option(
            parser=paths.folder_out,
            metavar="FOLDER",
            help="The runner kit's folder; without it the cache, where bench looks.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Build the aarch64 runners of ssh, adb and arm targets into one folder, the runner kit.

    Needs Debian's g++-aarch64-linux-gnu; the first build downloads 40 MB of wheels.

    Example:  fbdeploy runner build --output runners
    """
    assert action is Action.BUILD
    with only_result_on_stdout() as result:
        from runtime_bench.runners.build import build_kit, cached_kit

        kit = cached_kit() if output is None else build_kit(output)
        manifest = kit.manifest
        if as_json:
            result.json({"folder": str(kit.folder), **manifest.model_dump()})
            return
        size = sum((kit.folder / name).stat().st_size for name in manifest.files)
        versions = ", ".join(f"{name} {version}" for name, version in manifest.runtimes.items())
        result.text(f"{kit.folder}: {manifest.architecture}, {versions}, {size / 1e6:.0f} MB")
