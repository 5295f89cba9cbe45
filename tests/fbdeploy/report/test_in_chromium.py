"""The report in a real browser: nothing from outside, nothing wider than the screen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fbdeploy.compare.comparing import compare
from fbdeploy.compare.page import render as comparison_page
from fbdeploy.records.results import Line
from fbdeploy.records.sensitivity import write_sensitivity
from fbdeploy.report.disagreement import Answers, ClassChange, Mistake
from fbdeploy.report.page import render, write_report
from fbdeploy.sweep.page import render as sweep_page
from runtime_bench.measurement import Measurement
from tests.fbdeploy.chromium import Browser, Page, browser, url_of
from tests.fbdeploy.samples import on_phone, sample, sample_sensitivity
from tests.fbdeploy.sweep_sample import sample_sweep

EXECUTABLE = shutil.which("chromium")
pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="needs Debian's package chromium")

LONG_NAMES = ("great white shark", "military uniform", "semidetached-house")
VERSION_1 = Path(__file__).parents[2] / "version1/out"
VALUES = {
    "page_width": "document.documentElement.scrollWidth",
    "screen_width": "document.documentElement.clientWidth",
    # Overflow hidden inside an element does not widen the page, but is cut off all the same.
    "cut_off": """[...document.querySelectorAll('body *')].filter(e => !e.closest('thead, svg')
        && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .map(e => e.outerHTML.slice(0, 80))""",
    "background": "getComputedStyle(document.body).backgroundColor",
    "ink": "getComputedStyle(document.body).color",
    # Texts of a plot that share more than a pixel, and marks that a label covers.
    "covered": """[...document.querySelectorAll('figure svg')].flatMap(svg => {
        const texts = [...svg.querySelectorAll('text')]
            .map(e => [e.textContent, e.getBoundingClientRect()]).filter(t => t[1].width > 0);
        const shared = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
            && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
        return texts.flatMap(([name, box], i) => texts.slice(0, i)
            .filter(([_, other]) => shared(box, other)).map(([other]) => name + ' / ' + other));
    })""",
    "labels": """[...document.querySelectorAll('figure svg .label')]
        .filter(e => e.getBoundingClientRect().width > 0).map(e => e.textContent)""",
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


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every artefact as fast and as accurate as the others within a hair, but one."""
    manifest, lines = sample()
    moved: list[Line] = []
    for index, line in enumerate(lines):
        if isinstance(line, Measurement) and line.latency_ms is not None:
            p50 = 40.0 if index == 1 else 1.5 + 0.01 * index
            summary = line.latency_ms.model_copy(update={"p50": p50})
            line = line.model_copy(update={"latency_ms": summary})
        moved.append(line)
    return write_report(tmp_path_factory.mktemp("crowded"), manifest, moved)


@pytest.mark.parametrize("width", [1280, 390])
def test_no_label_covers_another(
    chromium: Browser, report: Path, crowded: Path, width: int
) -> None:
    for page in (report, crowded):
        found = _open(chromium, page, width, "light").values
        assert found["covered"] == []
        names = [label for label in found["labels"] if " " in label and label != "all layers"]
        assert len(names) == 8  # all that are timed


@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_of_sweeps_comparisons_and_several_targets_fit_too(
    chromium: Browser, tmp_path: Path, width: int
) -> None:
    found = comparison_page(compare(VERSION_1, VERSION_1))
    (tmp_path / "compare.html").write_text(found, encoding="utf-8")
    (tmp_path / "sweep.html").write_text(sweep_page(*sample_sweep(), []), encoding="utf-8")
    manifest, lines = sample()
    phone = on_phone(lines, {"int8/model.pte": 0.5, "int8/model.onnx": 6.0, "fp32/model.pte": 9.0})
    classes = tuple(ClassChange(name, 1, 0.0, 1.0) for name in LONG_NAMES)
    mistakes = tuple(Mistake(name, LONG_NAMES[0], 10, 10) for name in LONG_NAMES)
    answered = Answers("ONNX int8", 200, 3, (), 0, 3, classes, 152, mistakes)
    page = render(manifest, [*lines, *phone], answered=answered)
    (tmp_path / "targets.html").write_text(page, encoding="utf-8")
    labels = {"sweep": 6, "compare": 0, "targets": 8 + 3}
    for name in labels:
        values = _open(chromium, tmp_path / f"{name}.html", width, "light").values
        assert (values["covered"], values["cut_off"]) == ([], []), name
        assert values["page_width"] <= width and values["smallest_text"] >= 11
        assert len(values["labels"]) == labels[name]


def test_a_phone_has_a_line_an_artefact_that_opens(chromium: Browser, report: Path) -> None:
    values = {
        "heights": """[...document.querySelectorAll('details.line summary')]
            .map(e => e.getBoundingClientRect().height)""",
        "opened": """(() => { const one = document.querySelector('details.line'); one.open = true;
            return [one.getBoundingClientRect().height, one.getBoundingClientRect().right] })()""",
        "cut_off": VALUES["cut_off"],
    }
    found = chromium.open(url_of(report), 390, "light", values).values
    assert len(found["heights"]) == 10 and 40 <= min(found["heights"]) == max(found["heights"]) < 60
    height, right = found["opened"]
    assert height > 150 and right <= 390 and found["cut_off"] == []
    wide = chromium.open(url_of(report), 1280, "light", values).values
    assert set(wide["heights"]) == {0}


def test_paper_has_its_own_layout(chromium: Browser, report: Path) -> None:
    """A4 is as narrow as a tablet, and still no phone: tables stay tables, and all is open."""
    values = {
        "tables": """[...document.querySelectorAll('#artefacts ~ .wide-only > table')]
            .filter(e => getComputedStyle(e).display === 'table'
                && e.getBoundingClientRect().width > 0).length""",
        "lines": """[...document.querySelectorAll('details.line')]
            .filter(e => e.getBoundingClientRect().width > 0).length""",
        "closed": """[...document.querySelectorAll('.wide-only details, section > details')]
            .filter(e => e.getBoundingClientRect().height < 30).length""",
        "ink": VALUES["ink"],
    }
    screen = chromium.open(url_of(report), 718, "dark", values).values
    assert (screen["tables"], screen["lines"]) == (0, 10) and screen["closed"] > 0
    chromium.media = "print"
    try:
        paper = chromium.open(url_of(report), 718, "dark", values).values
    finally:
        chromium.media = ""
    assert (paper["tables"], paper["lines"], paper["closed"]) == (2, 0, 0)
    assert _luminance(paper["ink"]) < 0.01


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
