"""The file between the command and the report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fbdeploy.records.sensitivity import (
    FILE_NAME,
    LayerRow,
    SensitivityDocument,
    sensitivity_of,
    write_sensitivity,
)
from fbdeploy.report.page import render, write_report
from tests.fbdeploy.samples import digest, sample, sample_sensitivity

DOCS = Path(__file__).parents[3] / "docs/results.md"


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_sensitivity(tmp_path, sample_sensitivity())
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert sensitivity_of(tmp_path, sample()[0]) == sample_sensitivity()


@pytest.mark.parametrize(
    "change", [{"weights_sha256": digest("others")}, {"height": 224}, {"width": 224}]
)
def test_that_of_another_network_is_not_shown(tmp_path: Path, change: dict[str, object]) -> None:
    write_sensitivity(tmp_path, sample_sensitivity().model_copy(update=change))
    assert sensitivity_of(tmp_path, sample()[0]) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 2}'])
def test_a_damaged_file_does_not_cost_the_report(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    assert sensitivity_of(tmp_path, sample()[0]) is None
    page = write_report(tmp_path, *sample()).read_text()
    assert "Layers that int8 disturbs most" not in page


def test_the_report_shows_the_worst_layers_in_order(tmp_path: Path) -> None:
    page = render(*sample(), sample_sensitivity())
    section = page[page.index("Layers that int8 disturbs most") :]
    named = re.findall(r"<th scope=\"row\">(\d+)\. <code>([^<]*)</code>", section)
    expected = [row.layer for row in sample_sensitivity().layers[:10]]
    assert named == [(str(rank), name) for rank, name in enumerate(expected, 1)]


def test_every_field_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    section = text[text.index("## sensitivity.json") : text.index("## manifest.json")]
    documented = set(re.findall(r"`(\w+)`", section))
    assert set(SensitivityDocument.model_fields) | set(LayerRow.model_fields) <= documented
    assert json.loads(sample_sensitivity().model_dump_json())["schema_version"] == 1
