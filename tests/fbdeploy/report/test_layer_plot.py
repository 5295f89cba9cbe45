from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from fbdeploy.report.layer_plot import LayerPoint, layer_plot

SVG = "{http://www.w3.org/2000/svg}"


def _circles(svg: str) -> list[tuple[float, float]]:
    root = ET.fromstring(svg)
    return [(float(c.get("cx", 0)), float(c.get("cy", 0))) for c in root.iter(f"{SVG}circle")]


def _texts(svg: str) -> dict[str, tuple[float, float]]:
    found = ET.fromstring(svg).iter(f"{SVG}text")
    return {t.text or "": (float(t.get("x", 0)), float(t.get("y", 0))) for t in found}


def test_layers_stand_at_their_place_and_error() -> None:
    points = [
        LayerPoint("a", 1, 1e-2, True, "1"),
        LayerPoint("b", 2, 1e-4, False),
        LayerPoint("c", 3, 1e-3, True),
    ]
    svg = layer_plot(points, 0.05, 900, 320)
    (x1, y1), (x2, y2), (x3, y3) = _circles(svg)
    assert x2 == pytest.approx((x1 + x3) / 2, abs=0.11)
    # Logarithmic: 1e-3 is half way between 1e-2 and 1e-4.
    assert y3 == pytest.approx((y1 + y2) / 2, abs=0.11)
    assert y1 < y3 < y2
    texts = _texts(svg)
    assert texts["10⁻²"][1] - 4 == pytest.approx(y1, abs=0.11)
    assert texts["10⁻⁴"][1] - 4 == pytest.approx(y2, abs=0.11)
    kinds = [g.get("class") for g in ET.fromstring(svg).iter(f"{SVG}g")]
    assert kinds == ["mark layer filled", "mark layer hollow", "mark layer filled"]
    front = next(li for li in ET.fromstring(svg).iter(f"{SVG}line") if li.get("class") == "front")
    assert y1 > float(front.get("y1", 0)) > texts["10⁻¹"][1] - 4


def test_no_error_at_all_is_drawn_at_the_bottom() -> None:
    points = [LayerPoint("a", 1, 1e-2, True), LayerPoint("b", 2, 0.0, True)]
    svg = layer_plot(points, 1e-2, 356, 320)
    assert _circles(svg)[1][1] == pytest.approx(_texts(svg)["10⁻⁷"][1] - 4, abs=0.11)


def test_names_cannot_break_the_page() -> None:
    svg = layer_plot([LayerPoint('<script>"&', 1, 0.1, True, "<1>")], 0.1, 356, 320)
    assert "<script>" not in svg and "<1>" not in svg


def test_nothing_to_plot() -> None:
    with pytest.raises(ValueError, match="needs a point"):
        layer_plot([], 0.1, 900, 320)
