"""What commands that open artefacts from elsewhere tell their user."""

from __future__ import annotations

import typer


def warn_if_unconfined() -> None:
    """Say on stderr where this system cannot keep an artefact from changing files."""
    from runtime_bench.runtimes.guest import UNCONFINED, confined

    if not confined():
        typer.echo(UNCONFINED, err=True)
