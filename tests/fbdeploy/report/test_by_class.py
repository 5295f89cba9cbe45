"""The table of classes in the report."""

from __future__ import annotations

from fbdeploy.records.results import ResultRow, ScoreInfo
from fbdeploy.report.by_class import by_class
from tests.fbdeploy.report.test_recommend import row


def _row(name: str, classes: tuple[float | None, ...]) -> ResultRow:
    score = ScoreInfo(metric="miou", value=0.5, classes=classes)
    return row(name, 1.0).model_copy(update={"scores": (score,)})


def test_every_build_of_one_format() -> None:
    rows = [
        _row("onnx fp32", (0.9, None, 0.4)),
        _row("onnx int8", (0.8, None, 0.5)),
        _row("litert int8", (0.1, 0.1, 0.1)),
    ]
    found = by_class(rows, ("ground", "tree"))
    assert found is not None and found.title == "mIoU" and len(found.columns) == 2
    assert [(row.label, row.values) for row in found.rows] == [
        ("ground", (0.9, 0.8)),
        ("tree", (None, None)),
        ("class 2", (0.4, 0.5)),
    ]


def test_none_where_classes_are_not_told() -> None:
    assert by_class([_row("onnx fp32", ())], ("a",)) is None
    assert by_class([], ()) is None
