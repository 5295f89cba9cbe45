from __future__ import annotations

import pytest

from fbdeploy.report import numbers


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.93416, "93.42 %"), (1.0, "100.00 %"), (0.99999, "> 99.99 %"), (0.0, "0.00 %"), (None, "–")],
)
def test_percent(share: float | None, text: str) -> None:
    assert numbers.percent(share).replace("\xa0", " ") == text


@pytest.mark.parametrize(
    ("difference", "text"), [(-0.0012, "−0.12"), (0.0012, "+0.12"), (-0.00001, "0.00"), (0, "0.00")]
)
def test_points(difference: float, text: str) -> None:
    assert numbers.points(difference) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.614, "1.61"), (12.34, "12.3"), (123.4, "123"), (1234.0, "1234"), (0.00123, "0.00123")],
)
def test_significant(value: float, text: str) -> None:
    assert numbers.significant(value) == text
    assert float(text) == pytest.approx(value, rel=0.005)


def test_tiny_numbers_have_an_exponent() -> None:
    assert numbers.significant(4.2e-7, 2) == "4.2e−07"


@pytest.mark.parametrize(
    ("count", "text"), [(16_400_000, "16.4 MB"), (999_999, "1000 kB"), (512, "0.512 kB")]
)
def test_size(count: int, text: str) -> None:
    assert numbers.size(count).replace("\xa0", " ") == text


def test_duration() -> None:
    assert numbers.duration(7.46).replace("\xa0", " ") == "7.5 s"
    assert numbers.duration(125).replace("\xa0", " ") == "2 min 5 s"
