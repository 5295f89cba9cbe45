"""Tables are aligned by what a terminal shows, and say what they are given and nothing else."""

from __future__ import annotations

from fbdeploy.report.table import table


def test_names_are_flush_left_and_figures_flush_right() -> None:
    shown = table(("", "ms", "runs"), [("a", "1.5", "10"), ("long name", "12", "1000")])
    assert shown.splitlines() == [
        "            ms  runs",
        "a          1.5    10",
        "long name   12  1000",
    ]


def test_a_row_without_its_last_cells_and_no_titles() -> None:
    assert table(("", "", ""), [("a", "1", "x"), ("rest",)], left=(0, 2)) == "a     1  x\nrest"


def test_markup_wide_characters_and_long_names_are_shown_as_they_are() -> None:
    long = "folder/" * 100
    shown = table(("", "n"), [("[bold]x[/bold]", "1"), ("网络", "2"), (long, "3")])
    lines = shown.splitlines()
    assert lines[1].startswith("[bold]x[/bold] ") and lines[3] == f"{long}  3"
    assert lines[2].startswith("网络 ") and len(lines[2]) == len(lines[3]) - 2
