"""The table of classes in the report."""

from __future__ import annotations

from fbdeploy.records.results import EvaluationLine, Line, ScoreInfo
from fbdeploy.records.rows import ResultRow
from fbdeploy.report.by_class import by_class
from fbdeploy.report.overlays import Overlay, Overlays
from fbdeploy.report.page import render
from stats.interval import Interval
from tests.fbdeploy.report.test_recommend import row
from tests.fbdeploy.samples import sample


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


def test_the_page_of_a_segmenter() -> None:
    manifest, lines = sample()
    network = manifest.network.model_copy(update={"task": "segmentation"})
    manifest = manifest.model_copy(update={"network": network, "labels": ("ground", "tree")})
    scores = (
        ScoreInfo(
            metric="miou",
            value=0.512,
            interval=Interval(0.5, 0.52),
            reference=0.515,
            difference=-0.003,
            difference_interval=Interval(-0.005, -0.001),
            p=0.01,
            classes=(0.8, None),
        ),
        ScoreInfo(metric="pixel_agreement", value=0.987, interval=Interval(0.98, 0.99)),
    )
    told: list[Line] = [
        line.model_copy(update={"scores": scores}) if isinstance(line, EvaluationLine) else line
        for line in lines
    ]
    overlay = Overlay("a.png", "half alike", "a tree", "data:image/png;base64,AA")
    drawn = Overlays("ONNX int8", "The photo, twice.", (overlay,), (("tree", "#800000"),))
    page = render(manifest, told, None, drawn)
    assert "mIoU by class" in page and "ground" in page
    assert "Where int8 differs most from float" in page and "data:image/png;base64,AA" in page
    assert "The photo, twice." in page and 'alt="a.png: a tree"' in page
    assert "a.png: half alike." in page
    assert "its mIoU drops by at most 0.5 points" in page
    assert "the paired bootstrap over images" in page and "top-1" not in page
    assert "of the pixels of them" in page
