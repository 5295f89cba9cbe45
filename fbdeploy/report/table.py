"""Tables for a terminal or a log: names to the left, figures to the right, no lines between."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from io import StringIO
from typing import Literal

from fbdeploy.report.lines import Width, wrapped

WIDEST = 10_000
"""Columns of characters where there is no terminal: a row is one line."""
GAP = 2


def table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], *, left: Collection[int] = (0,)
) -> str:
    """One line of titles, if there are any, and one a row.

    On a terminal that is too narrow, the words of columns flush left go on below each other; where
    that does not do, each row is its first cell and, below, the others with their titles.

    Args:
        titles: of the columns.
        rows: as many cells each; what a row lacks at its end stays empty.
        left: the columns that are flush left.
    """
    cells = [tuple(row) for row in rows]
    shown = _drawn(titles, cells, left, WIDEST, frozenset())
    width = Width.columns
    if width is None or max(map(len, shown.splitlines()), default=0) <= width:
        return shown
    narrow = _drawn(titles, cells, left, width, frozenset(left))
    if _is_whole(titles, cells, left, width):
        return narrow
    return _stacked(titles, cells, width)


def _is_whole(
    titles: Sequence[str], cells: Sequence[Sequence[str]], left: Collection[int], width: int
) -> bool:
    """Whether every figure and every word has room."""
    needed = GAP * (len(titles) - 1)
    for index, title in enumerate(titles):
        texts = [title, *(row[index] for row in cells if index < len(row))]
        parts = [word for text in texts for word in text.split()] if index in left else texts
        needed += max(map(len, parts), default=0)
    return needed <= width


def _stacked(titles: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> str:
    lines = [titles[0]] if titles[0] else []
    for row in cells:
        # A number alone is no name.
        names = 2 if row[0].isdecimal() and len(row) > 1 else 1
        lines.append("  ".join(row[:names]))
        told = [
            f"{title} {text}".strip().replace(" ", "\0")
            for title, text in zip(titles[names:], row[names:], strict=False)
            if text
        ]
        # An item is not torn where it has room on a line of its own.
        whole = [text if len(text) < width - 4 else text.replace("\0", " ") for text in told]
        body = wrapped("  " + "  ".join(whole), width)
        lines += [line for line in body.replace("\0", " ").splitlines() if line.strip()]
    return "\n".join(line.rstrip() for line in lines)


def _drawn(
    titles: Sequence[str],
    cells: Sequence[Sequence[str]],
    left: Collection[int],
    width: int,
    wrapping: Collection[int],
) -> str:
    # Here, since help and errors need no tables.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(
        box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="", show_header=any(titles)
    )
    for index, title in enumerate(titles):
        justify: Literal["left", "right"] = "left" if index in left else "right"
        shown.add_column(Text(title), justify=justify, no_wrap=index not in wrapping)
    for row in cells:
        shown.add_row(*map(Text, row))
    stream = StringIO()
    Console(file=stream, width=width, color_system=None).print(shown)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
