"""``fbdeploy compare``: two deployments side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.types import paths


def compare(
    first: Annotated[
        Path,
        typer.Argument(
            parser=paths.folder_in, metavar="OUT1", help="A folder that fbdeploy deploy wrote."
        ),
    ],
    second: Annotated[
        Path, typer.Argument(parser=paths.folder_in, metavar="OUT2", help="Another one.")
    ],
    page: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_out, metavar="FILE", help="Also write it as an HTML page there."
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Set two deployments side by side: sizes, accuracy on the same images, latency.

    It tells what differs and judges nothing; fbdeploy check does, against a baseline.

    Example:  fbdeploy compare before after --page compare.html
    """
    with only_result_on_stdout() as result:
        from fbdeploy.compare.comparing import compare as compare_folders
        from fbdeploy.compare.page import write_page
        from fbdeploy.compare.text import as_text

        document = compare_folders(first, second)
        result.json(document) if as_json else result.text(as_text(document))
        if page is not None:
            write_page(page, document)
