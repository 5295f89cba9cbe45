"""The site of docs/ is built without a warning, and its reference holds the public functions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_is_built_strictly(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    reference = (tmp_path / "site/reference/index.html").read_text(encoding="utf-8")
    for name in ("deploy.deploy", "evaluate.evaluate", "bench.bench", "check.check"):
        assert f'id="fbdeploy.api.{name}"' in reference
    assert "no_data" in reference and "InputError" in reference


def test_every_page_is_in_its_menu() -> None:
    pages = {page.name for page in (ROOT / "docs").glob("*.md")}
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert {name for name in pages if f"- {name}" not in menu} == set()
