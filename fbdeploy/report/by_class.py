"""The headline of each class by itself: of float, and of the artefacts made of the programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fbdeploy.records.rows import ResultRow
from fbdeploy.report import recommend
from fbdeploy.report.kept import label_of
from fbdeploy.report.verdict import headline, metric_of


@dataclass(frozen=True)
class ClassRow:
    """A class, and its value in each column; None where no image has it."""

    label: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class ByClass:
    """A table: the metric's title, the artefacts, and a row a class."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[ClassRow, ...]


def by_class(rows: Sequence[ResultRow], labels: Sequence[str]) -> ByClass | None:
    """Of the first format with answers, every build: formats hardly differ. None for a metric that
    is not told by class."""
    found = [
        (row, score)
        for row in rows
        if not row.rejected and (score := headline(row)) is not None and score.classes
    ]
    if not found:
        return None
    first = found[0][0].format
    shown = [(row, score) for row, score in found if row.format == first]
    values = zip(*(score.classes for _, score in shown), strict=True)
    return ByClass(
        metric_of(shown[0][1]).title,
        tuple(recommend.name_of(row) for row, _ in shown),
        tuple(
            ClassRow(label_of(labels, index), found_values)
            for index, found_values in enumerate(values)
        ),
    )
