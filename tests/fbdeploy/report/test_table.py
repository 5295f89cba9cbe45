"""Tables are aligned by what a terminal shows, and say what they are given and nothing else."""

from __future__ import annotations

import io

import pytest

from fbdeploy.report.lines import Width, width_of, wrapped
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


def test_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Width, "columns", 40)
    # Words of the last column go on below each other; figures stay whole.
    shown = table(("", "ms", "why"), [("a", "1.5", "the kernel has no integer form of it")],
                  left=(0, 2))  # fmt: skip
    assert shown.splitlines() == [
        "    ms  why",
        "a  1.5  the kernel has no integer form",
        "        of it",
    ]
    # Where that does not do, each row is a few lines.
    path = "folder/of/some/artefact/model.tflite"
    shown = table(("ms", "p50", "runs"), [(path, "1.50", "2304"), ("b", "12", "7")])
    assert shown.splitlines() == ["ms", path, "  p50 1.50  runs 2304", "b", "  p50 12  runs 7"]
    assert table(("", "x", "y"), [("1", path, "2")]).splitlines() == [f"1  {path}", "  y 2"]


def test_text_breaks_between_words() -> None:
    assert wrapped("  one two-three four", 14) == "  one\n    two-three\n    four"
    assert wrapped("x" * 50 + " y", 40) == "x" * 50 + "\n  y"
    assert wrapped("one two", None) == "one two" and wrapped("", 40) == ""
    assert width_of(io.StringIO()) is None
