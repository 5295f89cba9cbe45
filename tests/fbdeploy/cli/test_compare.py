"""``fbdeploy compare`` and ``fbdeploy report`` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fbdeploy.check.outputs import output
from tests.fbdeploy.cli.test_cli import fbdeploy, refused


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return output().keep_images(100).write(tmp_path_factory.mktemp("out") / "out")


def test_two_folders_as_table_page_and_json(out: Path, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "compare.html"
    done = fbdeploy("compare", out, out, "--page", page)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"first:  {out} (") and done.stdout.count("same") == 8
    assert page.read_text().startswith("<!doctype html>")
    document = json.loads(fbdeploy("compare", out, out, "--json").stdout)
    assert document["schema_version"] == 1 and len(document["artefacts"]) == 10


def test_the_report_is_made_again(out: Path) -> None:
    done = fbdeploy("report", out)
    assert done.returncode == 0 and done.stdout == f"The report is {out / 'report.html'}\n"
    assert "Ship this" in (out / "report.html").read_text()
    assert json.loads(fbdeploy("report", out, "--json").stdout) == {
        "report": str(out / "report.html")
    }


def test_what_is_no_output_folder_is_one_line(out: Path, tmp_path: Path) -> None:
    assert "holds no manifest.json" in refused("report", tmp_path)
    assert "holds no manifest.json" in refused("compare", out, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_version_has_a_short_option() -> None:
    assert fbdeploy("-v").stdout == fbdeploy("--version").stdout != ""
