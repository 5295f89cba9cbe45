"""Tables for a terminal or a log: names to the left, figures to the right, no lines between."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from io import StringIO
from typing import Literal

WIDEST = 10_000
"""Columns of characters; a row is one line, which the terminal wraps if it must."""


def table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], *, left: Collection[int] = (0,)
) -> str:
    """One line of titles, if there are any, and one a row.

    Args:
        titles: of the columns.
        rows: as many cells each; what a row lacks at its end stays empty.
        left: the columns that are flush left.
    """
    # Here, since help and errors need no tables.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="", show_header=any(titles)
    )
    for index, title in enumerate(titles):
        justify: Literal["left", "right"] = "left" if index in left else "right"
        shown.add_column(Text(title), justify=justify, no_wrap=True)
    for row in rows:
        shown.add_row(*map(Text, row))
    stream = StringIO()
    Console(file=stream, width=WIDEST, color_system=None).print(shown)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
