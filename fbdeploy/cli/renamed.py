"""Names that commands and options had, which still work and say what they are called now."""

from __future__ import annotations

import typer


def say_renamed(old: str, new: str) -> None:
    """One line on stderr; to be said when nothing can be refused any more, which is one line."""
    typer.echo(f"fbdeploy: {old} is called {new} now; the old name still works", err=True)
