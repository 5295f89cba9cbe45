"""The report in a real browser: nothing from outside, nothing wider than the screen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fbdeploy.records.sensitivity import write_sensitivity
from fbdeploy.report.page import write_report
from tests.fbdeploy.chromium import Browser, Page, browser, url_of
from tests.fbdeploy.samples import sample, sample_sensitivity

EXECUTABLE = shutil.which("chromium")
pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="needs Debian's package chromium")

VALUES = {
    "page_width": "document.documentElement.scrollWidth",
    "screen_width": "document.documentElement.clientWidth",
    # Overflow hidden inside an element does not widen the page, but is cut off all the same.
    "cut_off": """[...document.querySelectorAll('body *')].filter(e => !e.closest('thead, svg')
        && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .map(e => e.outerHTML.slice(0, 80))""",
    "background": "getComputedStyle(document.body).backgroundColor",
    "ink": "getComputedStyle(document.body).color",
    "plots_shown": """[...document.querySelectorAll('figure svg')]
        .filter(e => e.getBoundingClientRect().width > 0).length""",
    "smallest_text": """Math.min(...[...document.querySelectorAll('svg text, td, th, small')]
        .filter(e => e.getBoundingClientRect().width > 2).map(e => {
            const svg = e.closest('svg');
            const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
            return scale * parseFloat(getComputedStyle(e).fontSize) }))""",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_sensitivity(folder, sample_sensitivity())
    return write_report(folder, *sample())


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert EXECUTABLE is not None
    with browser(EXECUTABLE) as started:
        yield started


def _open(chromium: Browser, report: Path, width: int, scheme: str) -> Page:
    page = chromium.open(url_of(report), width, scheme, VALUES)
    folder = os.environ.get("FBDEPLOY_SCREENSHOTS")
    if folder:  # for a person to look at
        Path(folder, f"{scheme}-{width}.png").write_bytes(page.screenshot)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_the_screen_and_loads_nothing(
    chromium: Browser, report: Path, width: int, scheme: str
) -> None:
    page = _open(chromium, report, width, scheme)
    assert page.requests == [url_of(report)]
    assert page.problems == []
    assert page.values["screen_width"] == width
    assert page.values["page_width"] <= width
    assert page.values["cut_off"] == []
    assert page.values["plots_shown"] == 2
    assert page.values["smallest_text"] >= 11


def _luminance(colour: str) -> float:
    """Relative luminance of ``rgb(r, g, b)``, WCAG 2.1."""
    channels = [int(part) / 255 for part in colour.strip("rgb()").split(",")]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_both_schemes_are_readable_and_differ(chromium: Browser, report: Path) -> None:
    light = _open(chromium, report, 1280, "light").values
    dark = _open(chromium, report, 1280, "dark").values
    assert _luminance(light["background"]) > 0.8
    assert _luminance(dark["background"]) < 0.05
    for page in (light, dark):
        bright, dim = sorted((_luminance(page["background"]), _luminance(page["ink"])))[::-1]
        assert (bright + 0.05) / (dim + 0.05) >= 7  # WCAG AAA
