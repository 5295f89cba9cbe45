from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from fbdeploy.report.axes import accuracy_axis, cost_axis, ticks
from fbdeploy.report.labels import overlap, place_labels
from fbdeploy.report.plot import Point, pareto_front, scatter
from stats.interval import Interval

SVG = "{http://www.w3.org/2000/svg}"


def point(x: float, y: float, label: str = "p") -> Point:
    return Point(label, "onnx", True, x, y, Interval(y - 0.5, y + 0.5))


def test_the_front_is_what_no_other_point_beats() -> None:
    points = [point(3, 90), point(1, 80), point(2, 79), point(2, 85), point(4, 90), point(5, 91)]
    found = [(p.x, p.y) for p in pareto_front(points)]
    # By the definition, without sorting: nothing is at least as good in both and better in one.
    beaten = lambda a, b: b.x <= a.x and b.y >= a.y and (b.x, b.y) != (a.x, a.y)  # noqa: E731
    expected = {(a.x, a.y) for a in points if not any(beaten(a, b) for b in points)}
    assert set(found) == expected == {(1, 80), (2, 85), (3, 90), (5, 91)}
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 5.2, [0, 2, 4]),
        (92.3, 93.9, [92.5, 93, 93.5]),
        (0, 0.9, [0, 0.2, 0.4, 0.6, 0.8]),
    ],
)
def test_ticks_are_round_and_inside(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 5) == pytest.approx(expected)


def test_points_stand_where_their_numbers_say() -> None:
    root = ET.fromstring(scatter([point(1, 90), point(3, 92), point(2, 91)], 900, 400, "ms", "%"))
    circles = [(float(c.get("cx", 0)), float(c.get("cy", 0))) for c in root.iter(f"{SVG}circle")]
    (x1, y1), (x3, y3), (x2, y2) = circles
    assert x2 == pytest.approx((x1 + x3) / 2, abs=0.11)
    assert y2 == pytest.approx((y1 + y3) / 2, abs=0.11)
    assert x1 < x3 and y1 > y3
    axis = {t.text: float(t.get("x", 0)) for t in root.iter(f"{SVG}text") if t.get("y") == "374.0"}
    assert axis["1.0"] == pytest.approx(x1, abs=0.11)
    assert axis["3.0"] == pytest.approx(x3, abs=0.11)


def test_labels_do_not_cover_each_other_or_the_marks() -> None:
    marks = [(200.0 + 12 * i, 100.0 + 3 * i, f"Format {i} int8") for i in range(6)]
    boxes = place_labels(marks, (50, 10, 900, 380))
    circles = [(x - 6, y - 6, x + 6, y + 6) for x, y, _ in marks]
    for index, box in enumerate(boxes):
        assert box is not None
        assert all(overlap(box, other) == 0 for other in boxes[:index] if other)
        assert all(overlap(box, circle) == 0 for circle in circles)
        assert box[0] >= 50 and box[2] <= 900


def test_a_crowd_in_one_place_has_labels_that_do_not_cover_each_other() -> None:
    marks = [(100.0 + index, 200.0, f"ExecuTorch int8 {index}") for index in range(40)]
    found = place_labels(marks, (52, 34, 342, 356))
    boxes = [box for box in found if box is not None]
    assert 12 <= len(boxes) < 40  # what has no place is left out
    for index, box in enumerate(boxes):
        assert all(overlap(box, other) == 0 for other in boxes[:index])
        assert box[0] >= 52 and box[2] <= 342.01 and box[1] >= 34 and box[3] <= 356.01


def test_outliers_make_the_cost_logarithmic() -> None:
    assert not cost_axis([1.0, 2.0, 2.5, 3.0], 0, 100).logarithmic
    axis = cost_axis([1.0, 1.2, 1.5, 2.0, 100.0], 0, 100)
    assert axis.logarithmic
    # Equal factors are equal distances.
    assert axis.at(10) - axis.at(1) == pytest.approx(axis.at(100) - axis.at(10))
    assert [text for _, text in axis.marks(5)] == ["1", "3", "10", "30", "100"]
    assert not cost_axis([0.0, 1.0, 100.0], 0, 100).logarithmic  # nothing to take a logarithm of


def test_an_accuracy_far_below_all_others_does_not_squeeze_them() -> None:
    values = [(94.0, 93.5, 94.5), (93.8, 93.3, 94.3), (94.1, 94.0, 94.2), (10.0, 9.0, 11.0)]
    axis = accuracy_axis(values, 400, 0)
    assert 90 < axis.low < 93.3 and axis.is_below(10.0) and axis.at(10.0) == 400
    spread = accuracy_axis([(60.0, 59, 61), (70.0, 69, 71), (80.0, 79, 81)], 400, 0)
    assert not spread.is_below(60.0)
    svg = scatter([point(1, 94), point(2, 93.9), point(3, 10, "lost")], 600, 400, "ms", "%")
    assert ">lost: 10.0 %</text>" in svg


def test_the_chosen_one_is_ringed() -> None:
    ringed = Point("a", "onnx", True, 1, 90, chosen=True)
    root = ET.fromstring(scatter([point(2, 91), ringed], 600, 400, "ms", "%"))
    groups = [[c.get("class") for c in g] for g in root.iter(f"{SVG}g")]
    assert groups == [["bar", None], [None, "ring"]]


def test_names_cannot_break_the_page() -> None:
    svg = scatter([point(1, 90, '<script>"&')], 356, 400, "ms", "%")
    assert "<script>" not in svg
    assert re.search("&lt;script&gt;", svg)


def test_nothing_to_plot() -> None:
    with pytest.raises(ValueError, match="needs a point"):
        scatter([], 900, 400, "ms", "%")
